import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { asOperator, makePremium } from "../support/clients.ts";
import { createMember, type Member } from "../support/members.ts";
import { runMix } from "../support/mix.ts";
import { stack } from "../support/stack.ts";
import { actAs, pidOf, untilBlocked, userClaims } from "../support/transactions.ts";
import { httpTransport, sqlTransport } from "../support/transports.ts";

/** All transactions take their locks in the same order, so that no two can wait for each other. */

let owner: Member;
const one = postgres(stack.DB_URL, { max: 1, onnotice: () => {} });
const two = postgres(stack.DB_URL, { max: 1, onnotice: () => {} });

beforeAll(async () => {
  owner = await createMember();
  await makePremium(owner);
  await asOperator(async (sql) => {
    const [strategy] = await sql`
      insert into public.strategies (user_id, name, config) values (${owner.id}, 'First', '{}'), (${owner.id}, 'Last', '{}')
      returning id
    `;
    await sql`
      insert into public.strategy_components (strategy_id, user_id, component_type, position)
      values (${strategy?.id}, ${owner.id}, 'entry', 0), (${strategy?.id}, ${owner.id}, 'entry', 1)
    `;
    await sql`
      insert into public.custom_indicators (user_id, name, category, type, pine_script)
      values (${owner.id}, 'First', 'momentum', 'entry', 'plot(close)'), (${owner.id}, 'Last', 'momentum', 'entry', 'plot(close)')
    `;
  });
});

afterAll(async () => {
  await Promise.all([one.end(), two.end()]);
});

describe("two transactions of one user that change the same rows in opposite orders", () => {
  it.each([
    ["strategies", "is_public"],
    ["strategy_components", "is_custom"],
    ["custom_indicators", "is_public"],
  ])("are both committed, one after the other: %s", async (table, column) => {
    const rows = await one<{ id: string }[]>`
      select id from public.${one(table)} where user_id = ${owner.id} order by id
    `;
    const [first, last] = rows.map(({ id }) => id);
    const change = (t: postgres.TransactionSql, id: string | undefined) =>
      t`update public.${t(table)} set ${t(column)} = ${t(column)} where id = ${id ?? ""}`;
    const waiter = await pidOf(two);

    let second: Promise<unknown> = Promise.resolve();
    await one.begin(async (t) => {
      await actAs(t, userClaims(owner));
      await change(t, first);
      second = two.begin(async (other) => {
        await actAs(other, userClaims(owner));
        await change(other, last);
        await change(other, first);
        return "committed";
      });
      await asOperator((sql) => untilBlocked(sql, waiter, second));
      await change(t, last);
    });
    expect(await second).toBe("committed");
  });
});

describe("a webhook event of a customer whose account is being deleted", () => {
  it.each([
    ["incident", "payment_incidents", { payment_id: "in_order", disputes: [] }],
    ["customer_deleted", "billing_customers", {}],
  ])("waits for the account's lock before it writes anything: %s", async (kind, table, rest) => {
    const customer = `cus_order_${owner.id}`;
    const refunds = [
      { id: `re_order_${owner.id}`, amount: 1, currency: "usd", status: "succeeded" },
    ];
    const effect = { kind, customer_id: customer, ...rest, refunds };
    await asOperator(async (sql) => {
      await sql`
        insert into private.billing_customers (provider, customer_id, user_id)
        values ('stripe', ${customer}, ${owner.id})
        on conflict do nothing
      `;
      await sql`select private.apply_effect('stripe', ${sql.json(effect)}, 1, now())`;
    });
    const waiter = await pidOf(two);

    let event: Promise<unknown> = Promise.resolve();
    await one.begin(async (t) => {
      await t`select from public.users where id = ${owner.id} for update`;
      event = two.begin(async (other) => {
        await other`select private.apply_effect('stripe', ${other.json(effect)}, 2, now())`;
        // An event that carries a subscription locks the account in any case.
        await other`select from public.users where id = ${owner.id} for no key update`;
        return "committed";
      });
      await asOperator((sql) => untilBlocked(sql, waiter, event));
      await t`delete from private.${t(table)} where user_id = ${owner.id}`;
    });
    expect(await event).toBe("committed");
  });
});

describe("a random mix of all operations by sixteen clients on a few rows, during sweeps", () => {
  it.each([
    ["over HTTP", httpTransport(), 150],
    ["over SQL, which is faster", sqlTransport(18), 600],
  ] as const)("has no deadlock %s", async (_, transport, calls) => {
    try {
      const { deadlocks, faults, done } = await runMix({ transport, calls, sweeping: true });
      expect({ deadlocks, faults }).toEqual({ deadlocks: {}, faults: {} });
      // A mix in which nothing succeeds proves nothing.
      expect(Object.keys(done).length).toBeGreaterThan(25);
    } finally {
      await transport.close();
    }
  });
});
