import { readFile } from "node:fs/promises";
import postgres from "postgres";
import { connect } from "./database.ts";
import type { Tally } from "./tally.ts";
import { createTapReader } from "./tap.ts";

/**
 * Runs one pgTAP file as `supabase test db` does: as the role of the URL, over one connection, with
 * the search path that the role postgres has on hosted Supabase. Each assertion is a test; a statement
 * that fails, and a plan that is not kept, is one more that failed.
 */
export async function runPgtapFile(databaseUrl: string, path: string): Promise<Tally> {
  const script = await readFile(path, "utf8");
  const sql = connect(databaseUrl, { search_path: '"$user", public, extensions' });
  const tap = createTapReader(path);
  try {
    // Row by row as they come: what was said before a failing statement is not lost with it.
    await sql
      .unsafe(script)
      .simple()
      .forEach((row) => {
        for (const value of Object.values(row)) {
          if (typeof value === "string") {
            tap.add(value);
          }
        }
      });
  } catch (error) {
    if (!(error instanceof postgres.PostgresError)) {
      throw error;
    }
    tap.fail(describeError(error, script));
  } finally {
    await sql.end();
  }
  return tap.end();
}

function describeError(error: postgres.PostgresError, script: string): string {
  const { message, code, position } = error;
  const line = position ? `line ${script.slice(0, Number(position) - 1).split("\n").length}: ` : "";
  return `${line}${message} [${code}]`;
}
