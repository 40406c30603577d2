import { readFile } from "node:fs/promises";
import { type ParseResult, parse } from "libpg-query";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listMigrations } from "../../../scripts/lib/migration-files.ts";
import {
  type ScratchPlatform,
  startScratchPlatform,
} from "../../../scripts/lib/scratch-platform.ts";
import { pushMigrations } from "../../../scripts/local/migrations.ts";

/** Hosted projects differ: in their age, and in what their owners have switched on and off. */

let platform: ScratchPlatform;

beforeAll(async () => {
  platform = await startScratchPlatform();
});

afterAll(async () => {
  await platform?.stop();
});

/** Applies every migration as a push does, and gives what the database has said: the CLI does not show it. */
async function applyAll(url: string): Promise<string[]> {
  const said: string[] = [];
  const sql = postgres(url, { max: 1, onnotice: ({ message }) => said.push(message ?? "") });
  try {
    for (const { path } of await listMigrations()) {
      const text = await readFile(path, "utf8");
      await sql.begin((t) => t.unsafe(text));
    }
  } finally {
    await sql.end();
  }
  return said;
}

describe("an image from before November 2025, a publication for all tables, and no pg_cron", () => {
  it("take every migration, and are told what they lack", { timeout: 400_000 }, async () => {
    const url = await platform.createDatabase("old_image", "revoked");
    await platform.asAdmin("old_image", async (sql) => {
      await sql`revoke set on parameter log_parameter_max_length from postgres`;
      await sql`drop publication supabase_realtime`;
      await sql`create publication supabase_realtime for all tables`;
    });
    const said = await applyAll(url);
    expect(said).toContainEqual(expect.stringContaining("log_parameter_max_length"));
    expect(said).toContainEqual(expect.stringContaining("pg_cron is not enabled"));
    const [row] = await platform.asAdmin(
      "old_image",
      (sql) => sql`
        select
          (select puballtables from pg_publication where pubname = 'supabase_realtime') as all_tables,
          to_regprocedure('public.sweep()') is not null as complete
      `,
    );
    expect(row).toEqual({ all_tables: true, complete: true });
  });
});

describe("seed.sql, one statement after the other as `supabase db reset` runs it", () => {
  it("is loaded whole or not at all", async () => {
    const seed = await readFile("supabase/seed.sql", "utf8");
    const { stmts = [] }: ParseResult = await parse(seed);
    const bytes = Buffer.from(seed);
    const statements = stmts.map(({ stmt_location: start = 0, stmt_len: length }) =>
      bytes.subarray(start, length === undefined ? undefined : start + length).toString(),
    );
    await platform.asAdmin("old_image", async (sql) => {
      const load = async () => {
        for (const statement of statements) await sql.unsafe(statement);
      };
      // Fails at the very end of the data.
      await sql`alter table public.strategy_versions add constraint broken check (version_number < 3) not valid`;
      await expect(load()).rejects.toMatchObject({ code: "23514" });
      expect(await sql`select from auth.users`).toHaveLength(0);

      await sql`alter table public.strategy_versions drop constraint broken`;
      await load();
      const [row] = await sql`
        select
          (select count(*)::int from auth.users) as users,
          (select max(v.version_number) from public.strategy_versions as v) as versions
      `;
      expect(row).toEqual({ users: 3, versions: 5 });
    });
  });
});

describe("a project without Vault", () => {
  it("is told in one sentence, before anything is applied", { timeout: 200_000 }, async () => {
    const url = await platform.createDatabase("no_vault", "revoked");
    await platform.asAdmin("no_vault", (sql) => sql`drop schema vault cascade`);
    await expect(pushMigrations(url)).rejects.toThrow(/enable the extension supabase_vault/);
    const [row] = await platform.asAdmin(
      "no_vault",
      (sql) => sql`
        select to_regnamespace('private') is null and to_regclass('public.users') is null as untouched
      `,
    );
    expect(row).toEqual({ untouched: true });
  });
});
