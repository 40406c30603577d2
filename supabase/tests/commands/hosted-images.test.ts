import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect } from "../../../scripts/lib/database.ts";
import { listMigrations } from "../../../scripts/lib/migration-files.ts";
import {
  type ScratchPlatform,
  startScratchPlatform,
} from "../../../scripts/lib/scratch-platform.ts";
import { supabase } from "../../../scripts/local/supabase-cli.ts";

/** Hosted projects differ: in their age, and in what their owners have switched on and off. */

let platform: ScratchPlatform;

beforeAll(async () => {
  platform = await startScratchPlatform();
});

afterAll(async () => {
  await platform?.stop();
});

async function push(url: string) {
  const args = ["db", "push", `--remote=${url}`, "--yes", "--skip-vault"];
  const { stdout, stderr, code } = await supabase(args);
  return { output: stdout + stderr, code };
}

describe("an image from before November 2025, a publication for all tables, and no pg_cron", () => {
  it("take every migration, and are told what they lack", { timeout: 400_000 }, async () => {
    const url = await platform.createDatabase("old_image", "revoked");
    await platform.asAdmin("old_image", async (sql) => {
      await sql`revoke set on parameter log_parameter_max_length from postgres`;
      await sql`drop publication supabase_realtime`;
      await sql`create publication supabase_realtime for all tables`;
      await sql`alter publication supabase_realtime owner to supabase_admin`;
    });
    try {
      const { output, code } = await push(url);
      expect([code, output]).toEqual([0, expect.stringContaining("log_parameter_max_length")]);
      expect(output).toContain("pg_cron is not enabled");
      const sql = connect(url);
      try {
        const [row] = await sql`
          select
            (select puballtables from pg_publication where pubname = 'supabase_realtime') as all_tables,
            (select count(*)::int from supabase_migrations.schema_migrations) as applied
        `;
        expect(row).toEqual({ all_tables: true, applied: (await listMigrations()).length });
      } finally {
        await sql.end();
      }
    } finally {
      await platform.asAdmin(
        "old_image",
        (sql) => sql`grant set on parameter log_parameter_max_length to postgres`,
      );
    }
  });
});

describe("a project without Vault", () => {
  it("is told in one sentence, before anything is applied", { timeout: 200_000 }, async () => {
    const url = await platform.createDatabase("no_vault", "revoked");
    await platform.asAdmin("no_vault", (sql) => sql`drop schema vault cascade`);
    const { output, code } = await push(url);
    expect(code).not.toBe(0);
    expect(output).toContain("enable the extension supabase_vault in the project");
    const sql = connect(url);
    try {
      const [row] = await sql`
        select
          to_regnamespace('private') is null as untouched,
          (select count(*)::int from supabase_migrations.schema_migrations) as applied
      `;
      expect(row).toEqual({ untouched: true, applied: 0 });
    } finally {
      await sql.end();
    }
  });
});
