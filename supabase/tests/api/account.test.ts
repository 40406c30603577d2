import { beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { userExportPageSchema } from "../../../types/documents.ts";
import { asOperator, type Person, service, signUp, tokenOf, visitor } from "../support/clients.ts";
import { newCoupon } from "../support/coupons.ts";
import { postAs, rpcAs } from "../support/members.ts";
import { stack } from "../support/stack.ts";

/** An account as an app sees it: shown, exported, deleted and signed up again. */

let person: Person;
let token: string;

const accountSchema = z.strictObject({
  user: z.looseObject({ id: z.uuid(), email: z.string(), credits: z.number() }),
  plan: z.looseObject({ plan_type: z.string(), max_versions: z.number() }),
  subscription: z.looseObject({ provider: z.string() }).nullable(),
  credits: z.number(),
  is_premium: z.boolean(),
  premium_until: z.iso.datetime({ offset: true }).nullable(),
});

/** Reads every page of every section, as an app does. */
async function exportAll(): Promise<Record<string, unknown[]>> {
  const page = async (args: { section?: string; cursor?: string }) => {
    const { body } = await rpcAs(token, "export_my_data", args);
    return userExportPageSchema.parse(body);
  };
  const { sections } = await page({});
  const rows: Record<string, unknown[]> = {};
  for (const section of sections) {
    let read = await page({ section });
    const all: unknown[] = [...read.rows];
    while (read.next_cursor !== null) {
      read = await page({ section, cursor: read.next_cursor });
      all.push(...read.rows);
    }
    rows[section] = all;
  }
  return rows;
}

beforeEach(async () => {
  person = await signUp("account");
  token = await tokenOf(person);
});

const remove = (confirm_email: string) => postAs({ token }, "delete-account", { confirm_email });
const redeem = (code: string) => postAs({ token }, "redeem-coupon", { code });

describe("get_my_account", () => {
  it("returns the account as one object", async () => {
    const { body } = await rpcAs(token, "get_my_account", {});
    expect(accountSchema.parse(body)).toMatchObject({
      user: { id: person.id, email: person.email },
      plan: { plan_type: "free" },
      subscription: null,
      credits: 5,
      is_premium: false,
      premium_until: null,
    });
  });

  it("is closed to a visitor", async () => {
    const { body } = await rpcAs(stack.PUBLISHABLE_KEY, "get_my_account", {});
    expect(body).toMatchObject({ code: "42501" });
  });
});

describe("export_my_data", () => {
  it("contains the user's own rows, and no public row of another user", async () => {
    const other = await signUp("other");
    const strategies = [
      [person, "Mine"],
      [other, "Theirs"],
    ] as const;
    for (const [{ client }, name] of strategies) {
      await client.from("strategies").insert({ name, config: {}, is_public: true }).throwOnError();
    }
    const data = await exportAll();
    expect(data.users).toMatchObject([{ id: person.id }]);
    expect(data.strategies).toMatchObject([{ name: "Mine", user_id: person.id }]);
    expect(JSON.stringify(data)).not.toContain(other.id);
  });

  it("returns a very large account in small pages, with every row once", async () => {
    // 40 versions of about 110 KB that compress to almost nothing, and 2,500 ledger rows.
    await asOperator(async (sql) => {
      await sql`
        with strategy as (
          insert into public.strategies (user_id, name, config) values (${person.id}, 'Large', '{}') returning id
        )
        insert into public.strategy_versions (strategy_id, user_id, version_number, config)
        select s.id, ${person.id}, 1000 + n, jsonb_build_object('n', n, 'filling', repeat('x', 110000))
        from strategy as s, generate_series(1, 40) as n
      `;
      await sql`
        insert into public.credit_transactions (user_id, kind, delta, balance_after)
        select ${person.id}, 'grant', 0, 5 from generate_series(1, 2500)
      `;
    });
    for (const [section, expected] of [
      ["strategy_versions", 41],
      ["credit_transactions", 2501],
    ] as const) {
      const ids: unknown[] = [];
      let cursor: string | null = null;
      do {
        const { body } = await rpcAs(token, "export_my_data", { section, cursor });
        expect(body.rows.length).toBeLessThanOrEqual(1000);
        expect(JSON.stringify(body).length).toBeLessThan(2_400_000);
        ids.push(...body.rows.map(({ id }: { id: unknown }) => id));
        cursor = body.next_cursor;
      } while (cursor !== null);
      expect([ids.length, new Set(ids).size]).toEqual([expected, expected]);
    }
  });

  it("is refused the eleventh time in a day, counted for each section separately", async () => {
    for (const section of [null, "strategies"]) {
      for (let n = 0; n < 10; n++) {
        expect((await rpcAs(token, "export_my_data", { section })).status).toBe(200);
      }
      const { status, body } = await rpcAs(token, "export_my_data", { section });
      expect([status, body.details]).toEqual([429, "rate_limited"]);
      expect(JSON.parse(body.hint).retry_after).toBeGreaterThan(86_000);
    }
  });

  it("refuses a section that does not exist and a cursor of another section", async () => {
    for (const [args, argument] of [
      [{ section: "plans" }, "section"],
      [{ section: "users; drop" }, "section"],
      [{ section: "strategies", cursor: "credit_transactions:1" }, "cursor"],
      [{ cursor: "credit_transactions:x" }, "cursor"],
      [{ cursor: "credit_transactions:9999999999999999999" }, "cursor"],
      [{ cursor: "strategies:1" }, "cursor"],
      [{ cursor: "" }, "cursor"],
    ] as const) {
      const { status, body } = await rpcAs(token, "export_my_data", args);
      expect([args, status, body.details]).toEqual([args, 422, "invalid_argument"]);
      expect(JSON.parse(body.hint).argument).toBe(argument);
    }
  });
});

describe("delete-account", () => {
  it("deletes nothing when another email is typed as confirmation", async () => {
    expect(await remove("somebody@else.test")).toMatchObject({
      status: 422,
      body: { error: { code: "confirmation_mismatch" } },
    });
    expect((await rpcAs(token, "get_my_account", {})).status).toBe(200);
  });

  it("refuses while a subscription will renew", async () => {
    await asOperator(
      (sql) => sql`
        insert into public.subscriptions (user_id, status, provider, provider_subscription_id, plan_type)
        values (${person.id}, 'past_due', 'stripe', ${`sub_${person.id}`}, 'premium_monthly')
      `,
    );
    expect(await remove(person.email)).toMatchObject({
      status: 409,
      body: { error: { code: "active_subscription", facts: { provider: "stripe" } } },
    });
    expect((await rpcAs(token, "get_my_account", {})).status).toBe(200);
  });

  it("deletes an account whose subscriptions have ended or were granted by the operator", async () => {
    await asOperator(
      (sql) => sql`
        insert into public.subscriptions (user_id, status, provider, provider_subscription_id, plan_type, ended_at)
        values
          (${person.id}, 'active', 'manual', null, 'premium_monthly', null),
          (${person.id}, 'canceled', 'stripe', ${`sub_${person.id}`}, 'premium_monthly', now())
      `,
    );
    expect(await remove(person.email)).toMatchObject({ status: 200, body: { deleted: true } });
  });

  it("deletes the user with every row, and leaves the strategies of others", async () => {
    const other = await signUp("forker");
    const { data: mine } = await person.client
      .from("strategies")
      .insert({ name: "Forked", config: { risk: 1 }, is_public: true })
      .select("id, name, config")
      .single()
      .throwOnError();
    await other.client
      .from("strategies")
      .insert({ name: "A fork", config: mine.config })
      .throwOnError();

    expect(await remove(person.email.toUpperCase())).toMatchObject({
      status: 200,
      body: { deleted: true },
    });

    const { data: left } = await service().from("strategies").select("id").eq("id", mine.id);
    expect(left).toEqual([]);
    const { data: forks } = await other.client
      .from("strategies")
      .select("name, config")
      .eq("user_id", other.id);
    expect(forks).toEqual([{ name: "A fork", config: { risk: 1 } }]);
    const { email, password } = person;
    expect((await visitor().auth.signInWithPassword({ email, password })).error).not.toBeNull();
    const [found] = await asOperator((sql) => sql`select from auth.users where id = ${person.id}`);
    expect(found).toBeUndefined();
  });

  it("gives no opening credits and no coupon a second time to who signs up again with the same email", async () => {
    const code = await newCoupon();
    expect(await redeem(code)).toMatchObject({ status: 200 });
    expect(await remove(person.email)).toMatchObject({ status: 200 });

    const { data } = await visitor().auth.signUp({
      email: person.email,
      password: person.password,
    });
    token = data.session?.access_token ?? "";
    const { body } = await rpcAs(token, "get_my_account", {});
    expect(accountSchema.parse(body)).toMatchObject({ credits: 0 });
    expect(body.user.id).not.toBe(person.id);
    expect(await redeem(code)).toMatchObject({
      body: { error: { code: "coupon_already_redeemed" } },
    });
    const [coupon] = await asOperator(
      (sql) => sql`select current_uses from public.coupons where code = ${code}`,
    );
    expect(coupon).toEqual({ current_uses: 1 });
  });
});
