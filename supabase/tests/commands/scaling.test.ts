import { readFile } from "node:fs/promises";
import type { Sql } from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scratchFolder } from "../support/commands.ts";
import {
  connect,
  createPlatformDatabase,
  dropDatabase,
  preparePlatform,
  pushMigrations,
} from "../support/database.ts";
import { loadSecrets } from "../support/local-stack.ts";
import { readCatalog } from "../support/references.ts";
import { stack } from "../support/stack.ts";

/** What docs/scaling.md says about the schema, checked against the catalogs. */

let sql: Sql;

beforeAll(() => {
  sql = connect(stack.DB_URL);
});

afterAll(() => sql?.end());

const namesOf = (rows: readonly { name?: string }[]) => rows.map(({ name }) => name).sort();

/** Tables with a column that names the user whose row it is. */
const ofUsers = `
  select c.oid, c.relname, a.attnum
  from pg_catalog.pg_class as c
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
  join pg_catalog.pg_attribute as a on a.attrelid = c.oid
  where n.nspname in ('public', 'private')
    and c.relkind = 'r'
    and not a.attisdropped
    and (a.attname = 'user_id' or (c.relname = 'users' and a.attname = 'id'))`;

describe("a schema that can be distributed by user", () => {
  it("has an index that leads with the user on every such table, except two", async () => {
    const without = await sql.unsafe<{ name: string }[]>(`
      select t.relname as name
      from (${ofUsers}) as t
      where not exists (
        select from pg_catalog.pg_index as i
        where i.indrelid = t.oid and i.indkey[0] = t.attnum and i.indisvalid and i.indpred is null
      )`);
    expect(namesOf(without)).toEqual(["provider_tasks", "sweep_state"]);
  });

  it("has six tables without that column whose rows belong to a user by a cascading key", async () => {
    const hanging = await sql.unsafe<{ name: string }[]>(`
      select distinct c.relname as name
      from pg_catalog.pg_class as c
      join pg_catalog.pg_constraint as f on f.conrelid = c.oid and f.contype = 'f' and f.confdeltype = 'c'
      join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      where n.nspname in ('public', 'private')
        and f.confrelid in (select t.oid from (${ofUsers}) as t)
        and c.oid not in (select t.oid from (${ofUsers}) as t)`);
    expect(namesOf(hanging)).toEqual([
      "entitlement_lapses",
      "granted_months",
      "plan_changes",
      "public_strategies",
      "subscription_terms",
    ]);
  });

  it("has five sequences that all users share", async () => {
    const sequences = await sql<{ name: string }[]>`
      select c.relname as name
      from pg_catalog.pg_class as c
      join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      where c.relkind = 'S' and n.nspname in ('public', 'private')
    `;
    expect(namesOf(sequences)).toEqual([
      "api_key_events_id_seq",
      "billing_flags_id_seq",
      "credit_transactions_id_seq",
      "provider_tasks_id_seq",
      "read_numbers",
    ]);
  });

  it("locks shared rows in these tables alone", async () => {
    const tables = new Set(
      namesOf(await sql.unsafe(`select relname as name from (${ofUsers}) as t`)),
    );
    const { functions } = await readCatalog(stack.DB_URL);
    const locked = functions.flatMap(({ body }) => {
      const text = body.replace(/--.*$/gm, "");
      const locks = [
        ...text.matchAll(/\bfor\s+(?:no\s+key\s+update|update|key\s+share|share)\b/gi),
      ];
      const selected = locks.map(({ index }) =>
        [...text.slice(0, index).matchAll(/\bfrom\s+(?:public|private)\.(\w+)/gi)].at(-1),
      );
      const changed = [
        ...text.matchAll(/\b(?:update|insert\s+into)\s+(?:public|private)\.(\w+)/gi),
      ];
      return [...selected, ...changed].map((match) => match?.[1] ?? "");
    });
    const others = new Set(locked.filter((name) => name !== "" && !tables.has(name)));
    expect([...others].sort()).toEqual([
      "coupons",
      "deleted_customers",
      "deleted_indicators",
      "deleted_sources",
      "entitlement_lapses",
      "granted_months",
      "indicators",
      "plan_changes",
      "public_strategies",
      "strategy_forks",
      "subscription_terms",
    ]);
  });
});

describe("docs/scaling.md", () => {
  it("names every table without a user, and every sequence", async () => {
    const text = await readFile("docs/scaling.md", "utf8");
    const others = await sql.unsafe<{ name: string }[]>(`
      select c.relname as name
      from pg_catalog.pg_class as c
      join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      where n.nspname in ('public', 'private')
        and c.relkind in ('r', 'S')
        and c.oid not in (select t.oid from (${ofUsers}) as t)`);
    expect(namesOf(others).filter((name) => !text.includes(`${name}\``))).toEqual([]);
  });
});

// No npm package contains Citus. If CITUS_URL names one, it must refuse what docs/scaling.md says.
describe.runIf(process.env.CITUS_URL)("on Citus", () => {
  it("cannot distribute the tables of users", async () => {
    const adminUrl = (database: string) => {
      const url = new URL(process.env.CITUS_URL ?? "");
      url.pathname = `/${database}`;
      return url.href;
    };
    const folder = await scratchFolder();
    const secrets = await loadSecrets(folder.path);
    await folder.remove();
    await preparePlatform(adminUrl, secrets);
    await createPlatformDatabase(adminUrl, "pinebase_citus", "revoked");
    const citus = connect(adminUrl("pinebase_citus"));
    try {
      await citus`create extension citus`;
      const own = new URL(adminUrl("pinebase_citus"));
      own.username = "postgres";
      own.password = secrets.databasePassword;
      await pushMigrations(own.href);
      for (const [table, column] of Object.entries({
        "public.users": "id",
        "public.strategies": "user_id",
        "public.credit_transactions": "user_id",
      })) {
        const distributed = citus`select create_distributed_table(${table}, ${column})`;
        await expect(distributed, table).rejects.toThrow(/distribut|polic|trigger|reference/i);
      }
    } finally {
      await citus.end();
      await dropDatabase(adminUrl, "pinebase_citus");
    }
  });
});
