import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Person, signUp } from "../support/clients.ts";
import { runMix } from "../support/mix.ts";
import { hasPgbouncer, startPgbouncer } from "../support/pgbouncer.ts";
import { type Catalog, readCatalog } from "../support/references.ts";
import { stack } from "../support/stack.ts";
import { actAs, type Claims } from "../support/transactions.ts";
import { sqlTransport } from "../support/transports.ts";

/**
 * Behind a pooler in transaction mode, a connection serves another user in its next transaction. So no RPC may leave anything
 * in the session of its connection.
 */

if (!hasPgbouncer) console.log("Not run: PgBouncer is not installed on this machine.");

let sql: postgres.Sql;
let catalog: Catalog;
let people: [Person, Person];

beforeAll(async () => {
  // The driver prepares no statements, so any that is found was left by an RPC.
  sql = postgres(stack.DB_URL, { max: 1, prepare: false, onnotice: () => {} });
  catalog = await readCatalog(stack.DB_URL);
  people = [await signUp("pooled"), await signUp("pooled")];
});

afterAll(() => sql?.end());

/** Everything that can remain in a session after a transaction. */
async function session() {
  const [state] = await sql`
    select
      current_user::text as role,
      (select jsonb_object_agg(s.name, s.setting) from pg_catalog.pg_settings as s where s.source = 'session') as settings,
      nullif(current_setting('request.jwt.claims', true), '') as claims,
      (select count(*)::int from pg_catalog.pg_locks as l where l.pid = pg_backend_pid() and l.locktype = 'advisory') as locks,
      (select count(*)::int from pg_catalog.pg_prepared_statements) as statements,
      (select count(*)::int from pg_catalog.pg_cursors as c where c.is_holdable) as cursors,
      (select count(*)::int from pg_catalog.pg_class as c where c.relnamespace = pg_my_temp_schema()) as temporary,
      (select count(*)::int from pg_listening_channels()) as channels
  `;
  return state;
}

/** Arguments with which users' RPCs succeed. An RPC that is not here is called with nulls. */
const realArguments: Readonly<Record<string, (key: string) => Record<string, unknown>>> = {
  consume_credits: (key) => ({ amount: 1, reason: "pooling", idempotency_key: key }),
  delete_api_key: () => ({ provider: "other" }),
  list_public_strategies: () => ({ search: "nothing in particular" }),
  save_strategy: () => ({ name: "Pooled", config: {}, components: [] }),
  search_indicators: () => ({ search: "average" }),
  store_api_key: (key) => ({ provider: "openai", api_key: `sk-${key}` }),
};

/** Calls an RPC as PostgREST does; null if it refuses. What a service function has done is rolled back. */
async function call(name: string, person: Person, role: Claims["role"]): Promise<unknown> {
  const wrapper = catalog.functions.find((one) => one.schema === "public" && one.name === name);
  const required = (wrapper?.arguments ?? []).filter((one) => one.default === null);
  const args: Record<string, unknown> =
    realArguments[name]?.(randomUUID()) ??
    Object.fromEntries(required.map((argument) => [argument.name, null]));
  const list = Object.keys(args).map((key, index) => `${key} => $${index + 1}`);
  const undone = new Error("undone");
  try {
    return await sql.begin(async (tx) => {
      await actAs(tx, { role, sub: person.id });
      const values = Object.values(args) as postgres.ParameterOrJSON<never>[];
      const rows = await tx.unsafe(`select public.${name}(${list.join(", ")}) as answer`, values);
      if (role === "service_role") throw undone;
      return rows[0]?.answer;
    });
  } catch (error) {
    // Besides the errors of the registry: constraints, which check some arguments of service functions, and P0001, which
    // internal checks raise.
    const isRefusal =
      error instanceof postgres.PostgresError && /^(PT\d{3}|23\d{3}|P0001)$/.test(error.code);
    if (error === undone || isRefusal) return null;
    throw error;
  }
}

describe("behind a pooler in transaction mode", () => {
  it("no RPC leaves anything in the session", async () => {
    const before = await session();
    expect(before).toMatchObject({ claims: null, locks: 0, statements: 0, temporary: 0 });
    const wrappers = catalog.functions.filter(({ schema }) => schema === "public");
    expect(wrappers.length).toBeGreaterThan(30);
    for (const { name, roles } of wrappers) {
      const role = roles.includes("authenticated") ? "authenticated" : "service_role";
      const answer = await call(name, people[0], role);
      if (name in realArguments) expect({ name, answer }).not.toEqual({ name, answer: null });
      expect({ name, ...(await session()) }).toEqual({ name, ...before });
    }
  });

  it("two users who take turns on one connection each read their own account", async () => {
    for (const person of [...people, ...people]) {
      expect(await call("get_my_account", person, "authenticated")).toMatchObject({
        user: { id: person.id },
      });
    }
  });

  it("no function uses a statement whose effect outlives its transaction", () => {
    const lasting =
      /\bpg_(try_)?advisory_lock|\bset_config\([^;]*\bfalse\)|\b(listen|prepare|create\s+temp\w*|declare\s+\w+\s+cursor\s+with\s+hold)\s|\b(currval|lastval)\(/i;
    const found = catalog.functions.filter(({ body }) => lasting.test(body.replace(/--.*$/gm, "")));
    expect(found.map(({ schema, name }) => `${schema}.${name}`)).toEqual([]);
  });
});

describe.skipIf(!hasPgbouncer)("behind PgBouncer in transaction mode", () => {
  it("32 clients share three connections for a mix of all operations, and none fails", async () => {
    const pooler = await startPgbouncer(stack.DB_URL, 3);
    const transport = sqlTransport(32, pooler.url);
    try {
      const { calls, done, faults, deadlocks } = await runMix({
        clients: 32,
        users: 8,
        calls: 1_500,
        transport,
      });
      expect({ faults, deadlocks }).toEqual({ faults: {}, deadlocks: {} });
      expect(calls).toBeGreaterThanOrEqual(1_500);
      // At least half of the calls must succeed, because refused ones prove nothing.
      expect(Object.values(done).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(750);
    } finally {
      await transport.close();
      await pooler.stop();
    }
  });
});

describe("in a transaction that cannot write, as on a read replica,", () => {
  it("the stable RPCs run", async () => {
    const stable = catalog.functions
      .filter(
        ({ schema, volatility, roles }) =>
          schema === "public" && volatility === "stable" && roles.includes("anon"),
      )
      .map(({ name }) => name);
    expect(stable).toEqual([
      "get_strategy",
      "list_llm_providers",
      "list_public_strategies",
      "search_indicators",
    ]);
    for (const name of stable) {
      const answer = sql.begin("read only", async (tx) => {
        await tx`select set_config('role', 'anon', true)`;
        if (name === "list_llm_providers") return tx`select * from public.list_llm_providers()`;
        const argument = name === "get_strategy" ? "$1" : "search => $1";
        const value = name === "get_strategy" ? randomUUID() : "average";
        return tx.unsafe(`select public.${name}(${argument})`, [value]);
      });
      // No strategy has this id.
      if (name === "get_strategy") await expect(answer).rejects.toMatchObject({ code: "PT404" });
      else await answer;
    }
  });
});
