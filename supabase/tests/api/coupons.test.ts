import { randomUUID } from "node:crypto";
import { request } from "node:http";
import { describe, expect, it } from "vitest";
import { asOperator } from "../support/clients.ts";
import { gather, type Member, postAs, rpcAs } from "../support/crowd.ts";
import { stack } from "../support/stack.ts";

/** Coupons over HTTP: never more than there are, never twice, and not to be guessed. */

async function newCoupon(maxUses: number | null): Promise<string> {
  const code = `TEST-${randomUUID().slice(0, 13).toUpperCase()}`;
  await asOperator(
    (sql) => sql`
      insert into public.coupons (code, discount_percent, max_uses)
      values (${code}, 25, ${maxUses})
    `,
  );
  return code;
}

function counts(code: string) {
  return asOperator(async (sql) => {
    const [row] = await sql<{ uses: number; redemptions: number }[]>`
      select c.current_uses as uses, count(r.id)::int as redemptions
      from public.coupons as c
      left join public.user_coupons as r on r.coupon_id = c.id
      where c.code = ${code}
      group by c.id
    `;
    return row;
  });
}

async function one(): Promise<Member> {
  const [member] = await gather(1);
  if (!member) throw new Error("nobody came");
  return member;
}

function tally(answers: { status: number; body: { error?: { code: string } } }[]) {
  const counted: Record<string, number> = {};
  for (const { status, body } of answers) {
    const key = `${status} ${body.error?.code ?? "redeemed"}`;
    counted[key] = (counted[key] ?? 0) + 1;
  }
  return counted;
}

describe("a coupon that many want at once", () => {
  it("is redeemed exactly as often as it may be, round after round", async () => {
    const crowd = await gather(40);
    for (const _ of [1, 2]) {
      const code = await newCoupon(10);
      const answers = await Promise.all(
        crowd.map((member) => postAs(member, "redeem-coupon", { code })),
      );
      expect(tally(answers)).toEqual({ "200 redeemed": 10, "409 coupon_exhausted": 30 });
      expect(await counts(code)).toEqual({ uses: 10, redemptions: 10 });
    }
  });

  it("is redeemed once by a user who sends it many times at once", async () => {
    const [code, member] = [await newCoupon(null), await one()];
    const answers = await Promise.all(
      Array.from({ length: 25 }, () => postAs(member, "redeem-coupon", { code })),
    );
    expect(tally(answers)).toEqual({
      "200 redeemed": 1,
      "409 coupon_already_redeemed": 9,
      "429 rate_limited": 15,
    });
    expect(await counts(code)).toEqual({ uses: 1, redemptions: 1 });
  });
});

describe("somebody who guesses codes", () => {
  it("is stopped at the eleventh in ten minutes, wherever it comes from and though it be right", async () => {
    const [code, guesser, other] = [await newCoupon(null), await one(), await one()];
    const guesses = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        postAs(guesser, "redeem-coupon", { code: `GUESS-${n}`, preview: n % 2 === 0 }),
      ),
    );
    expect(tally(guesses)).toEqual({ "404 coupon_not_found": 10 });

    const more = await Promise.all([
      postAs(guesser, "redeem-coupon", { code }),
      postAs(guesser, "redeem-coupon", { code, preview: true }),
      byNewConnection(guesser, { code }),
    ]);
    for (const { status, headers, body } of more) {
      expect(status).toBe(429);
      expect(body.error).toMatchObject({ code: "rate_limited" });
      const wait = Number(headers.get("retry-after"));
      expect(wait).toBeGreaterThan(500);
      expect(wait).toBeLessThanOrEqual(600);
      expect(body.error.facts).toEqual({ retry_after: wait });
    }
    expect(await counts(code)).toEqual({ uses: 0, redemptions: 0 });
    expect(await postAs(other, "redeem-coupon", { code })).toMatchObject({ status: 200 });
  });

  it("is stopped as well when all come at once", async () => {
    const [code, guesser] = [await newCoupon(null), await one()];
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, n) =>
        postAs(guesser, "redeem-coupon", { code: n < 23 ? `GUESS-${n}` : code }),
      ),
    );
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(14);
  });

  it("finds no way around by calling the database", async () => {
    const [code, guesser] = [await newCoupon(null), await one()];
    for (const token of [guesser.token, stack.PUBLISHABLE_KEY]) {
      for (const name of ["redeem_coupon", "preview_coupon"]) {
        const { body } = await rpcAs(token, name, { user_id: guesser.id, code });
        expect(body).toMatchObject({ code: "42501" });
      }
      for (const name of ["coupon_refusal", "count_coupon_attempt", "take_attempt"]) {
        expect((await rpcAs(token, name, { user_id: guesser.id, code })).status).toBe(404);
      }
    }
    expect(await counts(code)).toEqual({ uses: 0, redemptions: 0 });
  });
});

/** `fetch` keeps connections; this opens one of its own. */
function byNewConnection({ token }: Member, body: object) {
  return new Promise<Awaited<ReturnType<typeof postAs>>>((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      connection: "close",
    };
    const call = request(`${stack.FUNCTIONS_URL}/redeem-coupon`, {
      method: "POST",
      headers,
      agent: false,
    });
    call.once("error", reject);
    call.once("response", async (response) => {
      const text = Buffer.concat(await response.toArray()).toString();
      const wait = response.headers["retry-after"] ?? "";
      resolve({
        status: response.statusCode ?? 0,
        headers: new Headers({ "retry-after": wait }),
        body: JSON.parse(text),
      });
    });
    call.end(JSON.stringify(body));
  });
}
