import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type postgres from "postgres";
import { UserError } from "../lib/user-error.ts";
import type { Config } from "./config.ts";
import { withConnection } from "./connection.ts";
import { projectDir } from "./paths.ts";

/** The comment on a database that has its seed. It is set in the transaction that loads the seed. */
const mark = "Pinebase: the seed is loaded.";

/**
 * Runs the seed files of config.toml, in one transaction and as the role postgres, unless the seed is loaded already.
 *
 * @throws UserError when a statement of a seed file fails
 */
export async function runSeed(databaseUrl: string, settings: Config["db"]["seed"]): Promise<void> {
  await withConnection(databaseUrl, async (sql) => {
    const [found] = await sql<{ seeded: boolean }[]>`
      select shobj_description(oid, 'pg_database') is not distinct from ${mark} as seeded
      from pg_database
      where datname = current_database()
    `;
    if (found?.seeded) return;
    await sql.begin(async (transaction) => {
      for (const path of settings.enabled ? settings.sql_paths : []) {
        await runFile(transaction, path);
      }
      await transaction.unsafe(`comment on database postgres is '${mark}'`);
    });
  });
}

async function runFile(transaction: postgres.TransactionSql, path: string): Promise<void> {
  const text = await readFile(join(projectDir, "supabase", path), "utf8").catch(() => null);
  if (text === null) return;
  try {
    await transaction.unsafe(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(
      `The seed ${join("supabase", path)} failed and was rolled back: ${reason}`,
      "Fix the file, or the migration that it no longer fits, and run the command again.",
      { cause },
    );
  }
}
