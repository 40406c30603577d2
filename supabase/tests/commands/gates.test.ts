import { cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ScratchFolder, scratchFolder } from "../support/commands.ts";
import { connect, type ScratchPlatform, startScratchPlatform } from "../support/database.ts";
import { checkSchema, databaseSteps, sourceSteps } from "../support/gates.ts";
import { projectDir } from "../support/programs.ts";
import { stack } from "../support/stack.ts";

/*
 * Each step of `npm run lint` must find a fault that is planted for it, in a folder and a database that contain nothing else.
 * The folder has no references in docs, so these are not up to date.
 */

/** A fault against each rule of schema-rules.sql, between similar objects that must not be reported. */
const migration = `
create table public.planted_owner (id uuid primary key, user_id uuid);
alter table public.planted_owner enable row level security;
create policy "calls auth.uid() for each row" on public.planted_owner for select to authenticated
  using (user_id = auth.uid());

create table public.planted (
  id uuid primary key,
  owner_id uuid references public.planted_owner (id) on delete cascade,
  indexed_owner_id uuid references public.planted_owner (id) on delete cascade,
  name varchar(10)
);
create index planted_indexed_owner_id_idx on public.planted (indexed_owner_id);
grant select on public.planted to anon;

create function public.planted_for_anon() returns integer language sql security definer set search_path = ''
begin atomic select 1; end;
revoke all on function public.planted_for_anon from public, anon, authenticated;
grant execute on function public.planted_for_anon to anon;

create function public.planted_for_users() returns integer language sql security definer set search_path = ''
begin atomic select 1; end;
revoke all on function public.planted_for_users from public, anon, authenticated;
grant execute on function public.planted_for_users to authenticated;

create function public.invoker_for_anon() returns integer language sql security invoker set search_path = ''
begin atomic select 1; end;
revoke all on function public.invoker_for_anon from public, anon, authenticated;
grant execute on function public.invoker_for_anon to anon;

create function public.definer_for_the_service() returns integer language sql security definer set search_path = ''
begin atomic select 1; end;
revoke all on function public.definer_for_the_service from public, anon, authenticated;
grant execute on function public.definer_for_the_service to service_role;

create schema private;
create function private.invoker_for_anon() returns integer language sql security invoker set search_path = ''
begin atomic select 1; end;
revoke all on function private.invoker_for_anon from public;

create function private.planted_mutable() returns integer language sql security invoker
begin atomic select 1; end;
revoke all on function private.planted_mutable from public;

-- What it guarantees.
create function private.planted_open() returns integer language sql security invoker set search_path = ''
begin atomic select 1; end;
`;

const faults: Record<string, string> = {
  "scripts/format.ts": "export const planted = 'single quotes'\n",
  "scripts/user.ts": 'import { used } from "./lib/used.ts";\n\nexport const planted = used;\n',
  "scripts/lib/used.ts": "export const used = 1;\nexport const plantedExport = 1;\n",
  "scripts/lib/planted-file.ts": "export const planted = 1;\n",
  "supabase/tests/commands/planted.ts": 'import "../../../scripts/type.ts";\n',
  "scripts/type.ts": 'export const planted: number = "text";\n',
  "examples/strategy-builder/src/type.ts": 'export const planted: number = "text";\n',
  "supabase/functions/_shared/both.ts":
    'export const planted: number = "text";\nexport function fault() {\n  let never = 1;\n  return never;\n}\n',
  "supabase/migrations/29990101000000_planted.sql": migration,
  "supabase/config.toml": '[db.migrations]\nschema_paths = ["./schemas/planted.sql"]\n',
  // The schema as the migration makes it, but for one column.
  "supabase/schemas/planted.sql": migration.replace(
    "name varchar(10)",
    "name varchar(10), extra text",
  ),
};

const settings = [
  "biome.json",
  "knip.json",
  "package.json",
  "tsconfig.json",
  "examples/strategy-builder/package.json",
  "examples/strategy-builder/tsconfig.json",
  ".squawk.toml",
];

let folder: ScratchFolder;
let platform: ScratchPlatform;
let databaseUrl: string;

beforeAll(async () => {
  folder = await scratchFolder();
  for (const [file, text] of Object.entries(faults)) {
    await mkdir(dirname(join(folder.path, file)), { recursive: true });
    await writeFile(join(folder.path, file), text);
  }
  for (const file of settings) await cp(join(projectDir, file), join(folder.path, file));
  await symlink(join(projectDir, "node_modules"), join(folder.path, "node_modules"));
  // The steps read the folder that they are run in.
  process.chdir(folder.path);

  platform = await startScratchPlatform();
  databaseUrl = await platform.createDatabase("planted", "revoked");
  const sql = connect(databaseUrl);
  await sql.unsafe(migration);
  await sql.end();
});

afterAll(async () => {
  process.chdir(projectDir);
  await platform?.stop();
  await folder?.remove();
});

/** The findings that each step must report, by the step's name. */
const expected: [step: string, findings: string[]][] = [
  ["formatting and lint (Biome)", ["scripts/format.ts", "noRestrictedImports"]],
  ["types (tsc)", ["scripts/type.ts(1,14): error TS2322"]],
  ["types of the example app (tsc)", ["src/type.ts(1,14): error TS2322"]],
  ["types of edge functions (deno check)", ["TS2322"]],
  ["lint of edge functions (deno lint)", ["prefer-const"]],
  [
    "unused exports, files and dependencies (knip)",
    ["scripts/lib/planted-file.ts", "zod  ", "plantedExport"],
  ],
  ["migrations (Squawk)", ["prefer-text-field"]],
  ["migrations (forbidden statements, rollbacks)", ["29990101000000_planted.sql: has no rollback"]],
  [
    "the migrations agree with the schema files",
    ["column public.planted.extra: only in the schema files\n  run npm run db:diff -- NAME"],
  ],
  [
    "every function of private is explained",
    [
      "supabase/schemas/planted.sql: write above private.planted_mutable what it guarantees, and why",
    ],
  ],
  [
    "advisors (supabase db advisors)",
    ["rls_disabled_in_public", "auth_rls_initplan", "function_search_path_mutable"],
  ],
  ["schema (schema-rules.sql)", ["definer_callable_by_anon"]],
  ["types/database.types.ts is up to date", ["run npm run gen:types"]],
  ["the references in docs are up to date", ["docs/schema.md: out of date"]],
];

describe("npm run lint", () => {
  it.each(expected)("finds the planted fault: %s", async (name, findings) => {
    const hasMigrations = name === "the references in docs are up to date";
    const steps = databaseSteps(hasMigrations ? stack.DB_URL : databaseUrl);
    const step = [...sourceSteps, ...steps].find((one) => one.name === name);
    const output = await step?.run();
    for (const finding of findings) expect(output).toContain(finding);
  });

  it("has no step without a planted fault", () => {
    const names = [...sourceSteps, ...databaseSteps("")].map(({ name }) => name);
    expect(names).toEqual(expected.map(([name]) => name));
  });
});

it("a function of private is explained by a comment above it or by its public wrapper", async () => {
  const step = sourceSteps.find(({ name }) => name === "every function of private is explained");
  expect((await step?.run())?.split("\n")).toHaveLength(1);
});

it("the rules of schema-rules.sql report exactly the objects that violate them", async () => {
  const found = [...(await checkSchema(databaseUrl)).matchAll(/^(\w+): (.+)$/gm)].map(
    ([, rule, object]) => [rule, object],
  );
  expect(found).toEqual([
    ["definer_callable_by_anon", "public.planted_for_anon()"],
    ["definer_callable_by_authenticated", "public.planted_for_users()"],
    ["execute_for_public", "private.planted_open()"],
    ["foreign_key_without_index", "planted_owner_id_fkey on public.planted"],
    ["search_path_is_mutable", "private.planted_mutable()"],
  ]);
});
