import { readFile } from "node:fs/promises";
import { join } from "node:path";
import postgres from "postgres";
import { UserError } from "../lib/user-error.ts";
import type { Config } from "./config.ts";
import { projectDir } from "./paths.ts";

/**
 * Runs the seed files of config.toml on a fresh database, as the role postgres, each in one transaction.
 *
 * @throws UserError when a statement of a seed file fails
 */
export async function runSeed(databaseUrl: string, settings: Config["db"]["seed"]): Promise<void> {
  if (!settings.enabled) return;
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    for (const path of settings.sql_paths) {
      const file = join(projectDir, "supabase", path);
      const text = await readFile(file, "utf8").catch(() => null);
      if (text === null) continue;
      try {
        await sql.begin((transaction) => transaction.unsafe(text));
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new UserError(
          `The seed ${file.slice(projectDir.length + 1)} failed and was rolled back: ${reason}`,
          "Mend the file, or the migration that it no longer fits, and run the command again.",
          { cause },
        );
      }
    }
  } finally {
    await sql.end();
  }
}
