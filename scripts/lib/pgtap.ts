import { readFile } from "node:fs/promises";
import postgres from "postgres";
import { connect } from "./database.ts";
import { errorLine } from "./run-script.ts";
import type { Tally } from "./tally.ts";
import { createTapReader } from "./tap.ts";

/**
 * Runs one pgTAP file as `supabase test db` does: as the role of the URL, over one connection, with the search path of the
 * role postgres on hosted Supabase. Each assertion counts as a test. A failing statement, and a number of tests that
 * differs from the plan, count as one failed test each.
 */
export async function runPgtapFile(databaseUrl: string, path: string): Promise<Tally> {
  const script = await readFile(path, "utf8");
  const sql = connect(databaseUrl, { search_path: '"$user", public, extensions' });
  const tap = createTapReader(path);
  try {
    // Read row by row, so that the results before a failing statement are kept.
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
  const line = errorLine(script, error);
  return `${line === null ? "" : `line ${line}: `}${error.message} [${error.code}]`;
}
