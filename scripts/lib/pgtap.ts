import { readFile } from "node:fs/promises";
import postgres from "postgres";
import { Parser, type Result } from "tap-parser";
import { connect } from "./database.ts";
import type { Failure, Tally } from "./tally.ts";

/**
 * Runs one pgTAP file as `supabase test db` does: as the role of the URL, over one connection, with
 * the search path that the role postgres has on hosted Supabase. Each assertion is a test; a statement
 * that fails, and a plan that is not kept, is one more that failed.
 */
export async function runPgtapFile(databaseUrl: string, path: string): Promise<Tally> {
  const script = await readFile(path, "utf8");
  const sql = connect(databaseUrl, { search_path: '"$user", public, extensions' });
  const tap = readTap(path);
  try {
    // Line by line as they come: what was said before a failing statement is not lost with it.
    await sql
      .unsafe(script)
      .simple()
      .forEach((row) => {
        tap.add(Object.values(row));
      });
    return tap.end();
  } catch (error) {
    if (!(error instanceof postgres.PostgresError)) {
      throw error;
    }
    return tap.abort(describeError(error, script));
  } finally {
    await sql.end();
  }
}

function readTap(path: string) {
  const failures: Failure[] = [];
  let passed = 0;
  let last: Result | undefined;
  let current: Failure | undefined;
  const finish = (message: string, details: string[] = []) => {
    failures.push({ file: path, name: message, details });
  };

  const parser = new Parser();
  parser.on("assert", (result: Result) => {
    last = result;
    current = undefined;
    if (result.ok || result.todo) {
      passed += 1;
      return;
    }
    current = { file: path, name: `${result.id} ${result.name}`, details: [] };
    failures.push(current);
  });
  // What pgTAP says about a failure follows it as comments.
  parser.on("comment", (comment: string) => {
    const line = comment.replace(/^#\s?/, "").trimEnd();
    if (current !== undefined && !/^\s*(?:Failed test \d+|Looks like you )/.test(line)) {
      current.details.push(line);
    }
  });
  parser.on("bailout", (reason: string) => finish(`bailed out: ${reason}`));

  return {
    add(values: unknown[]) {
      for (const line of values.flatMap((value) => (typeof value === "string" ? [value] : []))) {
        parser.write(`${line}\n`);
      }
    },
    end(): Tally {
      parser.end();
      const { planStart, planEnd, count } = parser;
      if (planStart === -1) {
        finish("The file has no plan, or ends before finish() printed it.");
      } else if (planEnd - planStart + 1 !== count) {
        finish(`The file planned ${planEnd - planStart + 1} tests and ran ${count}.`);
      }
      return { passed, failures };
    },
    abort(message: string): Tally {
      parser.end();
      const after =
        last === undefined ? "before the first test" : `after test ${last.id} ${last.name}`;
      finish(`${message} (${after})`);
      return { passed, failures };
    },
  };
}

function describeError(error: postgres.PostgresError, script: string): string {
  const { message, code, position } = error;
  const line = position ? `line ${script.slice(0, Number(position) - 1).split("\n").length}: ` : "";
  return `${line}${message} [${code}]`;
}
