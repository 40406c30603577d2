import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ScratchFolder, scratchFolder } from "../support/commands.ts";
import {
  connect,
  pushMigrations,
  type ScratchPlatform,
  startScratchPlatform,
} from "../support/database.ts";
import {
  changedMigrations,
  namesInPublic,
  planAdd,
  planSettings,
  readLedger,
  readSources,
  type Sources,
} from "../support/package.ts";
import { projectDir } from "../support/programs.ts";

const now = new Date("2027-01-02T03:04:05Z");
const ownMigration = "20260101000000_watchlists.sql";

let sources: Sources;
let scratch: ScratchFolder;
let supabase: string;

beforeAll(async () => {
  sources = await readSources(projectDir);
});

beforeEach(async () => {
  scratch = await scratchFolder();
  supabase = join(scratch.path, "supabase");
  await put("config.toml", 'project_id = "an-app"\n\n[functions.own]\nverify_jwt = true\n');
  await put(
    `migrations/${ownMigration}`,
    "create table public.watchlists (id uuid primary key);\n",
  );
  await put("functions/own/index.ts", "Deno.serve(() => new Response());\n");
});

afterEach(() => scratch.remove());

describe("adding Pinebase to a project", () => {
  it("gives migrations timestamps after the project's newest one, in order, each with its rollback", async () => {
    await put("migrations/20280101000000_later.sql", "select 1;");
    await add(sources);
    const files = (await readdir(join(supabase, "migrations"))).sort();
    expect(files.slice(0, 2)).toEqual([ownMigration, "20280101000000_later.sql"]);
    expect(files.slice(2).map(withoutStamp)).toEqual(
      sources.migrations.map(({ file }) => withoutStamp(file)),
    );
    expect(files[2]).toMatch(/^20280101000001_/);
    expect((await readdir(join(supabase, "rollbacks"))).sort()).toEqual(files.slice(2));
  });

  it("gives migrations the present time if the project's newest one is older", async () => {
    await add(sources);
    expect((await readdir(join(supabase, "migrations"))).sort()[1]).toMatch(/^20270102030405_/);
  });

  it("keeps the project's settings and adds those of each function, with the reason", async () => {
    await add(sources);
    const config = await get("config.toml");
    expect(config).toMatch(/^project_id = "an-app"\n\n\[functions.own\]\nverify_jwt = true\n/);
    expect(config).toMatch(/\[functions\.health\]\n# .+\nverify_jwt = false\n/);
    expect(await get("functions/own/index.ts")).toContain("Deno.serve");
  });

  it("changes nothing the second time", async () => {
    await add(sources);
    expect((await planAdd(sources, supabase, new Date("2028-01-01"))).writes).toEqual([]);
  });

  it("restores a lost pinebase.json and changes nothing else", async () => {
    await add(sources);
    const record = await get("pinebase.json");
    await rm(join(supabase, "pinebase.json"));
    const { writes } = await planAdd(sources, supabase, new Date("2028-01-01"));
    expect(writes.map(({ path }) => path)).toEqual([join(supabase, "pinebase.json")]);
    expect(JSON.parse(writes[0]?.text ?? "").migrations).toEqual(JSON.parse(record).migrations);
  });

  it("adds only what is new in a newer version", async () => {
    await add(sources);
    await put("migrations/20270601000000_own_again.sql", "select 1;");
    const { writes } = await planAdd(newer(), supabase, now);
    expect(writes.map(({ path }) => path.slice(supabase.length + 1))).toEqual([
      "migrations/20270601000001_more.sql",
      "rollbacks/20270601000001_more.sql",
      "functions/health/handler.ts",
      "pinebase.json",
    ]);
    expect(JSON.parse(writes[3]?.text ?? "").version).toBe("9.9.9");
  });

  it("does not overwrite a file that the project has changed, and reports that", async () => {
    await add(sources);
    await put("functions/health/handler.ts", "// ours now\n");
    const { writes, notes } = await planAdd(newer(), supabase, now);
    expect(writes.map(({ path }) => path)).not.toContain(
      join(supabase, "functions/health/handler.ts"),
    );
    expect(notes.join()).toMatch(/health\/handler\.ts was changed in the project/);
  });

  it("writes the newer version beside a changed file, once, and prints how to compare them", async () => {
    await add(sources);
    await put("functions/health/handler.ts", "// ours now\n");
    const { notes } = await planAdd(newer(), supabase, now);
    await add(newer());
    expect(await get("functions/health/handler.ts")).toBe("// ours now\n");
    expect(await get("functions/health/handler.ts.new")).toBe("// newer\n");
    const file = join(supabase, "functions/health/handler.ts");
    expect(notes.join()).toContain(`git diff --no-index ${file} ${file}.new`);
    expect((await planAdd(newer(), supabase, now)).writes).toEqual([]);
  });

  it("does not restore a file that the project has removed", async () => {
    await add(sources);
    await rm(join(supabase, "functions/health"), { recursive: true });
    const { writes, notes } = await planAdd(sources, supabase, now);
    expect(writes).toEqual([]);
    expect(notes.join()).toMatch(/health\/index\.ts was removed from the project/);
  });

  it("writes nothing if the project has a file of its own at the path of a function's file", async () => {
    await put("functions/_shared/http/cors.ts", "export const corsHeaders = {};\n");
    await expect(planAdd(sources, supabase, now)).rejects.toThrow(
      /functions\/_shared\/http\/cors\.ts/,
    );
  });

  it("writes nothing if the project has a table of the same name, and names the migration that creates it", async () => {
    await put("migrations/20260102000000_people.sql", "CREATE TABLE IF NOT EXISTS users (id int);");
    await expect(planAdd(sources, supabase, now)).rejects.toThrow(
      /table users, created by .*20260102000000_people\.sql/,
    );
  });

  it("finds a migration that was changed after it was added", async () => {
    await add(sources);
    const file = (await readdir(join(supabase, "migrations"))).sort()[1] ?? "";
    await put(`migrations/${file}`, `${await get(`migrations/${file}`)}\n-- one more\n`);
    const changed = await changedMigrations(await readLedger(supabase), supabase);
    expect(changed).toEqual([expect.stringContaining(file)]);
  });
});

describe("a project with Pinebase and a table of its own", () => {
  let platform: ScratchPlatform;

  beforeAll(async () => {
    platform = await startScratchPlatform();
  });

  afterAll(() => platform?.stop());

  it("can be pushed to an empty database, and a migration that is added later too", async () => {
    const url = await platform.createDatabase("added", "revoked");
    await add(sources);
    await pushMigrations(url, scratch.path);
    await add(newer());
    await pushMigrations(url, scratch.path);
    const sql = connect(url);
    try {
      const [found] = await sql`
        select
          to_regclass('public.watchlists') is not null as own,
          to_regclass('public.strategies') is not null as ours,
          to_regclass('public.more') is not null as newer,
          (select count(*)::int from supabase_migrations.schema_migrations) as applied`;
      const applied = sources.migrations.length + 2;
      expect(found).toEqual({ own: true, ours: true, newer: true, applied });
    } finally {
      await sql.end();
    }
  });
});

describe("reading the names that migrations leave in public", () => {
  it.each([
    ["create table users ();", ["table users"]],
    ['create table if not exists "public"."users" ();', ["table users"]],
    ["create or replace function public.f() returns int", ["function f"]],
    ["create table private.users ();", []],
    ["-- create table users ();", []],
    ["create table users (); drop table users;", []],
    ["create table users (); alter table users enable row level security;", ["table users"]],
    [
      "create table users (); alter table users add a int; alter table public.users set schema legacy;",
      [],
    ],
  ])("%s", (up, names) => {
    expect([...namesInPublic([{ file: "f", up }]).keys()]).toEqual(names);
  });
});

describe("settings of functions", () => {
  it("reports an entry of the project that differs from ours", () => {
    const ours = "[functions.health]\nverify_jwt = false\n";
    const own = "[functions.health]\nverify_jwt = true\n";
    expect(planSettings(own, ours)).toEqual({
      text: own,
      added: [],
      notes: [expect.stringContaining("verify_jwt = true")],
    });
  });
});

function newer(): Sources {
  const more = {
    file: "20270101000000_more.sql",
    up: "create table public.more ();",
    down: "drop table public.more;",
  };
  const files = new Map(sources.files).set("functions/health/handler.ts", "// newer\n");
  return { ...sources, version: "9.9.9", migrations: [...sources.migrations, more], files };
}

async function add(version: Sources): Promise<void> {
  for (const { path, text } of (await planAdd(version, supabase, now)).writes) {
    await put(path.slice(supabase.length + 1), text);
  }
}

async function put(name: string, text: string): Promise<void> {
  const path = join(supabase, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

function get(name: string): Promise<string> {
  return readFile(join(supabase, name), "utf8");
}

function withoutStamp(file: string): string {
  return file.slice(file.indexOf("_") + 1);
}
