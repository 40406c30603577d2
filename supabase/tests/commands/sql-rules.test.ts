import { describe, expect, it } from "vitest";
import { forbiddenStatements } from "../support/migrations.ts";

const reasons = async (sql: string) => (await forbiddenStatements(sql)).map(({ reason }) => reason);

describe("a migration", () => {
  it.each([["begin;"], ["commit;"], ["rollback;"], ["start transaction;"], ["savepoint here;"]])(
    "may not control its transaction: %s",
    async (sql) => {
      expect(await reasons(sql)).toEqual([expect.stringContaining("transaction")]);
    },
  );

  it.each([
    ["create index concurrently i on t (a);"],
    ["drop index concurrently i;"],
    ["reindex table concurrently t;"],
    ["refresh materialized view concurrently v;"],
    ["vacuum t;"],
    ["create database d;"],
  ])("may not contain what Postgres refuses inside a transaction: %s", async (sql) => {
    expect(await reasons(sql)).toEqual(["cannot run inside a transaction"]);
  });

  it.each([["alter system set work_mem = '1MB';"], ["create extension pgcrypto version '1.3';"]])(
    "may not contain what hosted Supabase refuses: %s",
    async (sql) => {
      expect(await reasons(sql)).toHaveLength(1);
    },
  );

  it.each([
    ["select 'sk_live_0123456789abcdef';"],
    ["-- whsec_0123456789abcdef\nselect 1;"],
    ["select 'eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.x';"],
  ])("may not contain a secret: %s", async (sql) => {
    expect(await reasons(sql)).toEqual(["contains what looks like a secret"]);
  });

  it("may contain all these words in text, comments and function bodies", async () => {
    const sql = `
      -- begin; commit; create index concurrently
      comment on table t is 'rollback; vacuum;';
      create function f() returns integer language sql begin atomic select 1; end;
      create function g() returns void language plpgsql as $$ begin perform 1; end; $$;
      create extension if not exists pgcrypto with schema extensions;
      create index i on t (a);`;
    expect(await reasons(sql)).toEqual([]);
  });

  it("is refused with the line where Postgres cannot parse it", async () => {
    expect(await forbiddenStatements("select 1;\nselect from where;")).toEqual([
      { line: 2, reason: expect.stringContaining("syntax error") },
    ]);
  });

  it("is refused with the line of the statement itself, after comments and non-ASCII characters", async () => {
    const sql = "-- ünïcödé\nselect 1;\n\n-- why\n/* and\nwhy */\ncommit;\n";
    expect(await forbiddenStatements(sql)).toEqual([expect.objectContaining({ line: 7 })]);
  });
});
