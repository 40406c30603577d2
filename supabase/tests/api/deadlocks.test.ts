import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { asOperator } from "../support/clients.ts";
import { gather, type Member } from "../support/crowd.ts";
import { openHttpDoor, openSqlDoor } from "../support/doors.ts";
import { runMix } from "../support/mix.ts";
import { stack } from "../support/stack.ts";

/** Locks are taken in one order everywhere, so no two transactions wait for each other. */

let owner: Member;
const one = postgres(stack.DB_URL, { max: 1, onnotice: () => {} });
const two = postgres(stack.DB_URL, { max: 1, onnotice: () => {} });

beforeAll(async () => {
  const [member] = await gather(1);
  if (!member) throw new Error("nobody came");
  owner = member;
  await asOperator(async (sql) => {
    await sql`update public.users set premium_until = now() + interval '1 day' where id = ${owner.id}`;
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

async function actAsOwner(t: postgres.TransactionSql): Promise<void> {
  const claims = JSON.stringify({ sub: owner.id, role: "authenticated" });
  await t`select set_config('role', 'authenticated', true), set_config('request.jwt.claims', ${claims}, true)`;
}

/** Resolves once the other connection waits for a lock. */
async function untilWaiting(pid: number): Promise<void> {
  await asOperator(async (sql) => {
    for (;;) {
      const [row] =
        await sql`select wait_event_type = 'Lock' as waits from pg_stat_activity where pid = ${pid}`;
      if (row?.waits) return;
    }
  });
}

describe("two changes of one user that reach the same rows in different orders", () => {
  it.each([
    ["strategies", "is_public"],
    ["strategy_components", "is_custom"],
    ["custom_indicators", "is_public"],
  ])("come one after the other: %s", async (table, column) => {
    const rows = await one<{ id: string }[]>`
      select id from public.${one(table)} where user_id = ${owner.id} order by id
    `;
    const [first, last] = rows.map(({ id }) => id);
    const change = (t: postgres.TransactionSql, id: string | undefined) =>
      t`update public.${t(table)} set ${t(column)} = ${t(column)} where id = ${id ?? ""}`;
    const [session] = await two<{ pid: number }[]>`select pg_backend_pid() as pid`;

    let second: Promise<unknown> = Promise.resolve();
    await one.begin(async (t) => {
      await actAsOwner(t);
      await change(t, first);
      second = two.begin(async (other) => {
        await actAsOwner(other);
        await change(other, last);
        await change(other, first);
        return "committed";
      });
      await untilWaiting(session?.pid ?? 0);
      await change(t, last);
    });
    expect(await second).toBe("committed");
  });
});

describe("an event of a customer whose account is being deleted", () => {
  it.each([
    ["incident", "payment_incidents", { payment_id: "in_order", disputes: [] }],
    ["customer_deleted", "billing_customers", {}],
  ])("waits for the account before it writes anything: %s", async (kind, table, rest) => {
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
    const [session] = await two<{ pid: number }[]>`select pg_backend_pid() as pid`;

    let event: Promise<unknown> = Promise.resolve();
    await one.begin(async (t) => {
      await t`select from public.users where id = ${owner.id} for update`;
      event = two.begin(async (other) => {
        await other`select private.apply_effect('stripe', ${other.json(effect)}, 2, now())`;
        // A subscription's snapshot, which the event may carry, asks for the account in any case.
        await other`select from public.users where id = ${owner.id} for no key update`;
        return "committed";
      });
      await untilWaiting(session?.pid ?? 0);
      await t`delete from private.${t(table)} where user_id = ${owner.id}`;
    });
    expect(await event).toBe("committed");
  });
});

describe("a random mix of everything, by sixteen clients on a few rows, beside the sweep", () => {
  it.each([
    ["over HTTP", openHttpDoor(), 150],
    ["at the speed of the database", openSqlDoor(18), 600],
  ] as const)("has no deadlock %s", async (_, door, calls) => {
    try {
      const { deadlocks, faults, done } = await runMix({ door, calls, sweeping: true });
      expect({ deadlocks, faults }).toEqual({ deadlocks: {}, faults: {} });
      // A mix in which nothing succeeds proves nothing.
      expect(Object.keys(done).length).toBeGreaterThan(25);
    } finally {
      await door.close();
    }
  });
});
