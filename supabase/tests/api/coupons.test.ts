import { request } from "node:http";
import { describe, expect, it } from "vitest";
import { asOperator } from "../support/clients.ts";
import { newCoupon } from "../support/coupons.ts";
import { createMember, createMembers, type Member, postAs, rpcAs } from "../support/members.ts";
import { stack } from "../support/stack.ts";

/** Coupons over HTTP: never redeemed more often than allowed, never twice by a user, and codes cannot be guessed. */

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

function tally(answers: { status: number; body: { error?: { code: string } } }[]) {
  const counted: Record<string, number> = {};
  for (const { status, body } of answers) {
    const key = `${status} ${body.error?.code ?? "redeemed"}`;
    counted[key] = (counted[key] ?? 0) + 1;
  }
  return counted;
}

describe("a coupon that many users redeem at once", () => {
  it("is redeemed exactly as often as allowed, in every round", async () => {
    const members = await createMembers(40);
    for (const _ of [1, 2]) {
      const code = await newCoupon({ maxUses: 10 });
      const answers = await Promise.all(
        members.map((member) => postAs(member, "redeem-coupon", { code })),
      );
      expect(tally(answers)).toEqual({ "200 redeemed": 10, "409 coupon_exhausted": 30 });
      expect(await counts(code)).toEqual({ uses: 10, redemptions: 10 });
    }
  });

  it("is redeemed once by a user who sends it many times at once", async () => {
    const [code, member] = [await newCoupon(), await createMember()];
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

describe("a user who guesses codes", () => {
  it("is refused from the eleventh attempt in ten minutes on, by every connection and even with a correct code", async () => {
    const [code, guesser, other] = [await newCoupon(), await createMember(), await createMember()];
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

  it("is refused from the eleventh attempt on when all attempts are concurrent", async () => {
    const [code, guesser] = [await newCoupon(), await createMember()];
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, n) =>
        postAs(guesser, "redeem-coupon", { code: n < 23 ? `GUESS-${n}` : code }),
      ),
    );
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(14);
  });

  it("cannot evade the limit by calling the database's functions", async () => {
    const [code, guesser] = [await newCoupon(), await createMember()];
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

/** Posts over a new connection, which `fetch` would reuse. */
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
