import { cp, rm, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { databaseSteps, sourceSteps } from "../../../scripts/lib/lint-steps.ts";
import { projectDir } from "../../../scripts/local/paths.ts";
import { runCommand, scratchFolder } from "../support/commands.ts";

/** A linter that never fires proves nothing: each one meets a fault that was planted for it. */

const migration = `
create table public.planted (
  id uuid primary key,
  owner_id uuid references public.users (id) on delete cascade,
  name varchar(10)
);
grant select on public.planted to anon;

create function public.planted_for_anon() returns integer language sql security definer set search_path = ''
begin atomic select 1; end;
revoke all on function public.planted_for_anon from public, anon, authenticated;
grant execute on function public.planted_for_anon to anon;

create function public.planted_for_users() returns integer language sql security definer set search_path = ''
begin atomic select 1; end;
revoke all on function public.planted_for_users from public, anon, authenticated;
grant execute on function public.planted_for_users to authenticated;

create function private.planted_mutable() returns integer language sql security invoker
begin atomic select 1; end;
revoke all on function private.planted_mutable from public;

create function private.planted_open() returns integer language sql security invoker set search_path = ''
begin atomic select 1; end;
`;

const faults: Record<string, string> = {
  "scripts/planted-format.ts": "export const planted = 'single quotes'\n",
  "scripts/planted-type.ts": 'export const planted: number = "text";\n',
  "supabase/functions/_shared/planted.ts":
    'export const planted: number = "text";\nexport function fault() {\n  let never = 1;\n  return never;\n}\n',
  "supabase/migrations/29990101000000_planted.sql": migration,
};

let output: string;
let code: number | null;
let folder: Awaited<ReturnType<typeof scratchFolder>>;

beforeAll(async () => {
  folder = await scratchFolder();
  const skipped = ["node_modules", ".git", ".pinebase", "dist"];
  const checkout = join(folder.path, "checkout");
  await cp(projectDir, checkout, {
    recursive: true,
    filter: (path) => path === projectDir || !skipped.includes(basename(path)),
  });
  await symlink(join(projectDir, "node_modules"), join(checkout, "node_modules"));
  for (const [file, text] of Object.entries(faults)) await writeFile(join(checkout, file), text);
  ({ output, code } = await runCommand(["lint"], { root: checkout }));
}, 600_000);

afterAll(async () => {
  if (folder) await rm(folder.path, { recursive: true, force: true });
});

it("npm run lint fails where something is wrong", () => {
  expect(code).toBe(1);
});

it.each([...sourceSteps, ...databaseSteps("")].map(({ name }) => name))("%s fires", (name) => {
  expect(output).toContain(`failed ${name}`);
});

it.each([
  ["definer_callable_by_anon", "public.planted_for_anon()"],
  ["definer_callable_by_authenticated", "public.planted_for_users()"],
  ["search_path_is_mutable", "private.planted_mutable()"],
  ["execute_for_public", "private.planted_open()"],
  ["foreign_key_without_index", "planted_owner_id_fkey on public.planted"],
])("the rule %s names what breaks it, and nothing else", (rule, object) => {
  const named = [...output.matchAll(new RegExp(`^${rule}: (.+)$`, "gm"))].map(([, name]) => name);
  expect(named).toEqual([object]);
});

it.each([
  ["rls_disabled_in_public"],
  ["prefer-text-field"],
  ["prefer-const"],
  ["29990101000000_planted.sql: has no way back"],
])("%s is found by the tool that knows it", (finding) => {
  expect(output).toContain(finding);
});
