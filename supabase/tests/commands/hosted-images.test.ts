import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type ParseResult, parse } from "libpg-query";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pushMigrations, type ScratchPlatform, startScratchPlatform } from "../support/database.ts";
import { listMigrations } from "../support/migrations.ts";

/** Hosted projects of different ages, and with extensions and services switched on or off. */

let platform: ScratchPlatform;

beforeAll(async () => {
  platform = await startScratchPlatform();
});

afterAll(async () => {
  await platform?.stop();
});

/** Applies every migration as a push does; gives the notices of the database, which the CLI does not show. */
async function applyAll(url: string): Promise<string[]> {
  const notices: string[] = [];
  const sql = postgres(url, { max: 1, onnotice: ({ message }) => notices.push(message ?? "") });
  try {
    for (const { path } of await listMigrations()) {
      const text = await readFile(path, "utf8");
      await sql.begin((t) => t.unsafe(text));
    }
  } finally {
    await sql.end();
  }
  return notices;
}

describe("an image from before November 2025, a publication for all tables, neither Realtime nor pg_cron", () => {
  it("accept every migration, and get notices about what they lack", {
    timeout: 400_000,
  }, async () => {
    const url = await platform.createDatabase("old_image", "revoked");
    await platform.asAdmin("old_image", async (sql) => {
      await sql`revoke set on parameter log_parameter_max_length from postgres`;
      await sql`drop publication supabase_realtime`;
      await sql`create publication supabase_realtime for all tables`;
      await sql`drop schema realtime cascade`;
      // These privileges are the baseline of this image.
      const [grants] = await sql`select extensions.platform_grants() as found`;
      await sql.unsafe(`comment on event trigger guard_platform_grants is '${grants?.found}'`);
    });
    const notices = await applyAll(url);
    expect(notices).toContainEqual(expect.stringContaining("log_parameter_max_length"));
    expect(notices).toContainEqual(expect.stringContaining("pg_cron is not enabled"));
    expect(notices).toContainEqual(expect.stringContaining("Realtime is not set up here"));
    const [row] = await platform.asAdmin(
      "old_image",
      (sql) => sql`
        select
          (select puballtables from pg_publication where pubname = 'supabase_realtime') as all_tables,
          to_regprocedure('public.sweep()') is not null as complete
      `,
    );
    expect(row).toEqual({ all_tables: true, complete: true });
    await writesGoThrough("old_image", url);
  });
});

describe("seed.sql, one statement after the other as `supabase db reset` runs it", () => {
  it("is loaded completely or not at all", async () => {
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
      // The last statements fail.
      await sql`alter table public.strategy_versions add constraint broken check (version_number < 3) not valid`;
      await expect(load()).rejects.toMatchObject({ code: "23514" });
      const demo = "%@pinebase.test";
      expect(await sql`select from auth.users where email like ${demo}`).toHaveLength(0);

      await sql`alter table public.strategy_versions drop constraint broken`;
      await load();
      const [row] = await sql`
        select
          (select count(*)::int from auth.users where email like ${demo}) as users,
          (
            select s.current_version
            from public.strategies as s
            where s.id = 'd1000000-0000-4000-8000-000000000001'
          ) as versions
      `;
      expect(row).toEqual({ users: 3, versions: 5 });
    });
  });
});

/** Checks that strategies can be written with no Realtime, and with one that fails. */
async function writesGoThrough(database: string, url: string): Promise<void> {
  const warnings: string[] = [];
  const sql = postgres(url, { max: 1, onnotice: ({ message }) => warnings.push(message ?? "") });
  try {
    const write = async () => {
      await sql`insert into auth.users (id, email) values (gen_random_uuid(), ${`${randomUUID()}@a.test`})`;
      await sql`insert into public.strategies (user_id, name, config) select id, 'S', '{}' from public.users limit 1`;
      await sql`update public.strategies set name = name || '.'`;
    };
    await write();
    expect(warnings).toEqual([]);

    // A Realtime of another version, whose send() fails, and then may not be called either.
    await platform.asAdmin(database, async (admin) => {
      await admin.unsafe(`
        create schema realtime authorization supabase_realtime_admin;
        create table realtime.messages (id bigint);
        alter table realtime.messages owner to supabase_realtime_admin;
        create function realtime.topic() returns text language sql as 'select null::text';
        create function realtime.send(jsonb, text, text, boolean) returns void language plpgsql
          as $$ begin raise exception 'no such partition'; end $$;
        grant usage on schema realtime to postgres;
      `);
    });
    const [policy] = await sql`select private.allow_broadcasts() as made`;
    expect(policy).toEqual({ made: false });
    expect(warnings.splice(0)).toContainEqual(
      expect.stringContaining("Nobody receives broadcasts"),
    );
    await write();
    expect(warnings.splice(0)).toContainEqual(expect.stringContaining("no such partition"));

    await platform.asAdmin(database, async (admin) => {
      await admin`revoke execute on function realtime.send from public`;
    });
    await write();
    expect(warnings.splice(0)).toContainEqual(expect.stringContaining("permission denied"));
  } finally {
    await sql.end();
  }
}

describe("a project without Vault", () => {
  it("is refused with one sentence before anything is applied", { timeout: 200_000 }, async () => {
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
