import type { Sql } from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ScratchPlatform, schemaSnapshot, startScratchPlatform } from "../support/database.ts";

// Changes that a rollback could forget, each with what undoes it. up-down-up.test.ts compares snapshots, so a snapshot must
// show all of them.
const changes: readonly [what: string, change: string, undo: string][] = [
  ["a schema", "create schema other", "drop schema other"],
  [
    "a schema's owner",
    "alter schema app owner to postgres",
    "alter schema app owner to supabase_admin",
  ],
  [
    "a schema's grants",
    "grant usage on schema app to anon",
    "revoke usage on schema app from anon",
  ],
  ["a table", "create table app.other (id integer)", "drop table app.other"],
  [
    "a column",
    "alter table app.items add column extra text",
    "alter table app.items drop column extra",
  ],
  [
    "a column's type",
    "alter table app.items alter column id type bigint",
    "alter table app.items alter column id type integer",
  ],
  [
    "a default",
    "alter table app.items alter column name set default 'x'",
    "alter table app.items alter column name drop default",
  ],
  [
    "a not-null",
    "alter table app.items alter column name set not null",
    "alter table app.items alter column name drop not null",
  ],
  [
    "a constraint",
    "alter table app.items add constraint c check (id > 0)",
    "alter table app.items drop constraint c",
  ],
  [
    "that a key is deferrable",
    "alter table app.items alter constraint items_parent_fkey deferrable",
    "alter table app.items alter constraint items_parent_fkey not deferrable",
  ],
  ["an index", "create index i on app.items (name)", "drop index app.i"],
  [
    "row-level security",
    "alter table app.items enable row level security",
    "alter table app.items disable row level security",
  ],
  [
    "a policy",
    "create policy p on app.items for select to anon using (true)",
    "drop policy p on app.items",
  ],
  [
    "a policy's rule",
    "alter policy kept on app.items using (id = 1)",
    "alter policy kept on app.items using (true)",
  ],
  ["a table grant", "grant select on app.items to anon", "revoke select on app.items from anon"],
  [
    "a column grant",
    "grant update (name) on app.items to anon",
    "revoke update (name) on app.items from anon",
  ],
  [
    "a sequence grant",
    "grant usage on sequence app.numbers to anon",
    "revoke usage on sequence app.numbers from anon",
  ],
  [
    "a function",
    "create function app.g() returns integer language sql return 1",
    "drop function app.g()",
  ],
  [
    "a function's body",
    "create or replace function app.f() returns integer language sql return 2",
    "create or replace function app.f() returns integer language sql return 1",
  ],
  [
    "a function's setting",
    "alter function app.f() set search_path = ''",
    "alter function app.f() reset search_path",
  ],
  [
    "a function grant",
    "revoke execute on function app.f() from public",
    "grant execute on function app.f() to public",
  ],
  [
    "a trigger on auth.users",
    "create trigger t after insert on auth.users for each row execute function app.t()",
    "drop trigger t on auth.users",
  ],
  [
    "that a trigger is off",
    "alter table app.items disable trigger kept",
    "alter table app.items enable trigger kept",
  ],
  ["a view", "create view app.v as select id from app.items", "drop view app.v"],
  ["a type", "create type app.mood as enum ('calm')", "drop type app.mood"],
  [
    "a published table",
    "alter publication supabase_realtime add table app.items",
    "alter publication supabase_realtime drop table app.items",
  ],
  [
    "a role setting",
    "alter role authenticator set log_parameter_max_length = 0",
    "alter role authenticator reset log_parameter_max_length",
  ],
  ["a membership", "grant service_role to anon", "revoke service_role from anon"],
  [
    "a default privilege",
    "alter default privileges in schema app grant select on tables to anon",
    "alter default privileges in schema app revoke select on tables from anon",
  ],
  ["an extension", "create extension pg_trgm with schema extensions", "drop extension pg_trgm"],
  [
    "a comment on a table",
    "comment on table app.items is 'x'",
    "comment on table app.items is null",
  ],
  [
    "a comment on a column",
    "comment on column app.items.id is 'x'",
    "comment on column app.items.id is null",
  ],
  [
    "a comment on a function",
    "comment on function app.f() is 'x'",
    "comment on function app.f() is null",
  ],
  [
    "a storage bucket",
    "insert into storage.buckets (id, name) values ('b', 'b')",
    "set storage.allow_delete_query = 'true'; delete from storage.buckets where id = 'b'",
  ],
];

let platform: ScratchPlatform;

beforeAll(async () => {
  platform = await startScratchPlatform();
  await platform.createDatabase("subject", "revoked");
  await run(`
    create schema app;
    create sequence app.numbers;
    create table app.items (id integer primary key, parent integer references app.items (id), name text);
    create policy kept on app.items for select to anon using (true);
    create function app.f() returns integer language sql return 1;
    create function app.t() returns trigger language plpgsql as 'begin return null; end';
    create trigger kept after insert on app.items for each row execute function app.t();
  `);
});

afterAll(() => platform?.stop());

describe("the snapshot of a schema", () => {
  it.each(changes)("shows %s", async (_, change, undo) => {
    const before = await snapshot();
    await run(change);
    expect(await snapshot()).not.toEqual(before);
    await run(undo);
    expect(await snapshot()).toEqual(before);
  });

  it("is the same when nothing has changed", async () => {
    expect(await snapshot()).toEqual(await snapshot());
  });
});

const snapshot = () => platform.asAdmin("subject", schemaSnapshot);
const run = (statement: string) =>
  platform.asAdmin("subject", (sql: Sql) => sql.unsafe(statement).simple());
