import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { asOperator, type Person, signUp } from "../support/clients.ts";
import { stack } from "../support/stack.ts";
import { pidOf, untilBlocked } from "../support/transactions.ts";

/** Rules that two concurrent transactions must not break. The tests hold transactions open to fix the order. */

let owner: Person;
let strategyId: string;
const one = postgres(stack.DB_URL, { max: 1, onnotice: () => {} });
const two = postgres(stack.DB_URL, { max: 1, onnotice: () => {} });

beforeAll(async () => {
  owner = await signUp("owner");
  const { data, error } = await owner.client
    .from("strategies")
    .insert({ name: "Contended", config: {} })
    .select("id")
    .single();
  if (error) throw error;
  strategyId = data.id;
});

afterAll(async () => {
  await Promise.all([one.end(), two.end()]);
});

async function newIndicator(): Promise<string> {
  const id = randomUUID();
  await asOperator(
    (sql) => sql`
      insert into public.indicators (id, name, category, type)
      values (${id}, ${`Contended ${id}`}, 'momentum', 'entry')
    `,
  );
  return id;
}

const addComponent = (
  sql: postgres.Sql | postgres.TransactionSql,
  indicator: string,
  position: number,
) => sql`
  insert into public.strategy_components (strategy_id, user_id, indicator_id, component_type, position)
  values (${strategyId}, ${owner.id}, ${indicator}, 'entry', ${position})
  returning id
`;

describe("an indicator that is deleted while a component is being linked to it", () => {
  it("is unlinked when the component came first", async () => {
    const indicator = await newIndicator();
    const waiter = await pidOf(two);
    let deletion: Promise<unknown> = Promise.resolve();
    await one.begin(async (t) => {
      await addComponent(t, indicator, 100);
      deletion = two`delete from public.indicators where id = ${indicator}`.execute();
      await asOperator((sql) => untilBlocked(sql, waiter, deletion));
    });
    await deletion;
    // Repeated, because it skips an indicator that the sweep of another test file is unlinking at the moment.
    await expect
      .poll(async () => {
        await asOperator((sql) => sql`select private.unlink_deleted_indicators(1000)`);
        return await one`
          select indicator_id, indicator_name from public.strategy_components
          where strategy_id = ${strategyId} and position = 100
        `;
      })
      .toEqual([{ indicator_id: null, indicator_name: `Contended ${indicator}` }]);
  });

  it("is reported as not found when the deletion came first, without waiting for its commit", async () => {
    const indicator = await newIndicator();
    await one.begin(async (t) => {
      await t`delete from public.indicators where id = ${indicator}`;
      await expect(addComponent(two, indicator, 101)).rejects.toMatchObject({
        code: "PT404",
        detail: "indicator_not_found",
      });
    });
  });
});

describe("the limit of 64 components", () => {
  it("holds when two transactions add the last one at the same time", async () => {
    const indicator = await newIndicator();
    await one`delete from public.strategy_components where strategy_id = ${strategyId}`;
    for (let position = 0; position < 63; position++) await addComponent(one, indicator, position);
    const waiter = await pidOf(two);
    let second: Promise<unknown> = Promise.resolve();
    await one.begin(async (t) => {
      await addComponent(t, indicator, 63);
      second = addComponent(two, indicator, 64)
        .execute()
        .catch((error: unknown) => error);
      await asOperator((sql) => untilBlocked(sql, waiter, second));
    });
    expect(await second).toMatchObject({ code: "23514" });
    const [row] = await one`
      select count(*)::int as n from public.strategy_components where strategy_id = ${strategyId}
    `;
    expect(row?.n).toBe(64);
  });
});

describe("a sign-in whose account row is locked elsewhere", () => {
  it("succeeds, after waiting two seconds at most", async () => {
    await one.begin(async (t) => {
      await t`select from public.users where id = ${owner.id} for update`;
      await two`update auth.users set last_sign_in_at = now() where id = ${owner.id}`;
    });
    const [row] = await one`select count(*)::int as n from auth.users where id = ${owner.id}`;
    expect(row?.n).toBe(1);
  });
});
