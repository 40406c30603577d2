import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Sql } from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  copyCheckout,
  runCommand,
  type ScratchFolder,
  scratchFolder,
} from "../support/commands.ts";
import {
  pushMigrations,
  type ScratchPlatform,
  schemaSnapshot,
  startScratchPlatform,
  withConnection,
} from "../support/database.ts";
import {
  appliedVersions,
  listMigrations,
  planRollback,
  readSchemaFiles,
  rollBack,
  runScript,
} from "../support/migrations.ts";
import { projectDir } from "../support/programs.ts";
import { applyDiff, readDiff } from "../support/unified-diff.ts";

let folder: ScratchFolder;
let root: string;
/** The migrations and rollbacks of the checkout, by path. */
let first: Map<string, string>;

beforeAll(async () => {
  folder = await scratchFolder();
  root = await copyCheckout(join(folder.path, "checkout"));
  first = await scripts();
});

afterAll(() => folder?.remove());

async function scripts(): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const part of ["migrations", "rollbacks"]) {
    for (const name of await readdir(join(root, "supabase", part))) {
      const path = join("supabase", part, name);
      texts.set(path, await readFile(join(root, path), "utf8"));
    }
  }
  return texts;
}

const dbDiff = (...args: string[]) => runCommand(["db-diff", ...args], { root });

/** Changes a file during a piece of work, and deletes the migrations that were written meanwhile. */
async function withEdit(path: string, from: string, to: string, work: () => Promise<void>) {
  const text = await readFile(join(root, path), "utf8");
  expect(text).toContain(from);
  await writeFile(join(root, path), text.replace(from, to));
  try {
    await work();
  } finally {
    await writeFile(join(root, path), text);
    for (const made of (await scripts()).keys()) {
      if (!first.has(made)) await rm(join(root, made));
    }
  }
}

describe("npm run db:diff", () => {
  it("writes nothing if the migrations and the schema files agree", async () => {
    const output = "The migrations and the schema files agree.\n";
    expect(await dbDiff("nothing")).toEqual({ code: 0, output });
    expect(await scripts()).toEqual(first);
  });

  it("with --first writes the committed migrations from the schema files", async () => {
    expect((await dbDiff("--first")).code).toBe(0);
    expect(await scripts()).toEqual(first);
  });

  it("with --first changes no file if a schema file cannot be parsed", async () => {
    const file = "supabase/schemas/credits/credit_transactions.sql";
    await withEdit(file, "create table public.", "create tabel public.", async () => {
      expect((await dbDiff("--first")).code).toBe(1);
      expect(await scripts()).toEqual(first);
    });
  });

  it.each([
    ["no name", []],
    ["two names", ["one", "two"]],
    ["a name that no migration can have", ["Strategy Tags"]],
    ["an unknown option", ["--fist"]],
  ])("answers %s with a sentence and the next step", async (_, args) => {
    const { code, output } = await dbDiff(...args);
    expect(code).toBe(1);
    expect(output).toMatch(
      /^error: .+\.?\n(Usage: npm run db:diff -- NAME|Use lower-case letters).+\n$/,
    );
  });

  it("names a schema file that schema_paths does not match", async () => {
    const [pattern, narrower] = ['"./schemas/coupons/*.sql"', '"./schemas/coupons/r*.sql"'];
    await withEdit("supabase/config.toml", pattern, narrower, async () => {
      const { code, output } = await dbDiff("coupons");
      expect(code).toBe(1);
      expect(output).toMatch(
        /^error: No pattern of schema_paths matches \.\/schemas\/coupons\/.+\.\nCorrect/,
      );
    });
  });

  it("names the table of shipped rows that differ, and writes no statements for them", async () => {
    const packs = "supabase/schemas/plans/data/credit_packs.sql";
    const lastPack = ",\n  ('credits_1000', '1,000 credits', 1000);";
    await withEdit(packs, lastPack, ";", async () => {
      const { code, output } = await dbDiff("one_pack");
      expect(code).toBe(1);
      expect(output).toContain(
        "rows public.credit_packs: differs between the migrations and the schema files",
      );
      expect([...(await scripts()).keys()].filter((path) => !first.has(path))).toHaveLength(2);
    });
  });

  it("copies a new function from its file, with comments and privileges", async () => {
    const file = "supabase/schemas/plans/plan_of.sql";
    const text = await readFile(join(root, file), "utf8");
    const added = `
-- Returns null.
create function public.say_nothing()
returns text
language sql
stable
security invoker
set search_path = ''
begin atomic
  -- Always null.
  select null::text;
end;

revoke all on function public.say_nothing from public, anon, authenticated, service_role;
grant execute on function public.say_nothing to anon;
`;
    await withEdit(file, text, `${text}${added}`, async () => {
      expect((await dbDiff("say_nothing")).output).toContain("Both were tried");
      const made = [...(await scripts())].filter(([path]) => !first.has(path));
      const [up, down] = made.map(([, script]) => script);
      expect(up).toContain(added.trim());
      expect(down).toContain("Destroys nothing.\n\ndrop function public.say_nothing();");
    });
  });
});

describe("adding a column, as CONTRIBUTING shows it", () => {
  let platform: ScratchPlatform;

  beforeAll(async () => {
    platform = await startScratchPlatform();
  });

  afterAll(() => platform?.stop());

  it("changes at most six files and fewer than 80 lines by hand, and generates the migration and its rollback", async () => {
    const changes = readDiff(
      await readFile(join(projectDir, "supabase/tests/support/strategy-tags.diff"), "utf8"),
    );
    const contributing = await readFile(join(projectDir, "CONTRIBUTING.md"), "utf8");
    for (const { path, changedLines } of changes) {
      expect(contributing).toMatch(new RegExp(`\\| \`${path}\` \\| ${changedLines} \\|`));
    }
    expect(changes.length).toBeLessThanOrEqual(6);
    expect(changes.reduce((sum, { changedLines }) => sum + changedLines, 0)).toBeLessThan(80);

    const url = await platform.createDatabase("pushed", "granted");
    await pushMigrations(url, root);
    const before = await platform.asAdmin("pushed", schemaSnapshot);

    await applyDiff(changes, root);
    const { code, output } = await dbDiff("strategy_tags");
    expect({ code, output }).toMatchObject({ code: 0 });

    await pushMigrations(url, root);
    const wanted = await platform.createDatabase("wanted", "granted");
    await withConnection(wanted, async (sql) => {
      for (const file of await readSchemaFiles(join(root, "supabase"))) {
        await sql.begin((tx) => runScript(tx, file, ""));
      }
    });
    expect(await platform.asAdmin("pushed", schemaSnapshot)).toEqual(
      await platform.asAdmin("wanted", schemaSnapshot),
    );
    await withConnection(wanted, tagsAreKept);

    await withConnection(url, async (sql) => {
      const applied = await appliedVersions(sql);
      const local = await listMigrations(join(root, "supabase"));
      const last = local.length - first.size / 2;
      await rollBack(sql, planRollback(applied, local, { last }), applied);
    });
    expect(await platform.asAdmin("pushed", schemaSnapshot)).toEqual(before);
  });
});

/** Checks that forks and restored versions have the tags of the strategy. */
async function tagsAreKept(sql: Sql) {
  await sql`
    insert into auth.users (id, aud, role, email)
    values (md5('owner')::uuid, 'authenticated', 'authenticated', 'owner@tags.test')`;
  await sql`
    select set_config('request.jwt.claims', json_build_object('sub', md5('owner')::uuid)::text, false)`;
  const [saved] = await sql<{ id: string }[]>`
    select public.save_strategy(name => 'Tagged', config => '{}', tags => '{btc,eth}') ->> 'strategy_id' as id`;
  const id = saved?.id ?? "";
  await sql`select public.save_strategy(strategy_id => ${id}, tags => '{}')`;
  const [restored] = await sql`
    select public.restore_strategy_version(${id}, 1) -> 'tags' as tags`;
  const [forked] = await sql`select public.fork_strategy(${id}) -> 'tags' as tags`;
  expect([restored, forked]).toEqual([{ tags: ["btc", "eth"] }, { tags: ["btc", "eth"] }]);
  await expect(
    sql`update public.strategies set tags = array_fill('x'::text, '{21}') where id = ${id}`,
  ).rejects.toThrow("strategies_tags_size");
  await expect(
    sql`select public.save_strategy(strategy_id => ${id}, tags => array_fill('x'::text, '{21}'))`,
  ).rejects.toMatchObject({ code: "PT422", detail: "invalid_argument" });
}
