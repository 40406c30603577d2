import type { Sql, TransactionSql } from "postgres";
import { appliedVersions } from "./applied-versions.ts";
import type { Migration } from "./migration-files.ts";
import { readScript, runScript, type Script } from "./run-script.ts";
import { forbiddenStatements } from "./sql-rules.ts";
import { UserError } from "./user-error.ts";

// The number is arbitrary; all rollbacks must use the same one to exclude each other.
const lockKey = 7_463_264;

const nothingChanged = "Nothing was changed. Fix the script, then run the command again.";

/**
 * Runs the rollbacks in the given order and deletes their migrations from the history, all in one transaction: either
 * everything is undone or nothing.
 *
 * @param expected the versions for which the plan was made; if they have changed since, nothing is rolled back
 * @throws UserError when a rollback fails, or the versions have changed
 */
export async function rollBack(
  sql: Sql,
  steps: readonly Migration[],
  expected: readonly string[],
  onStep: (file: string) => void = () => {},
): Promise<void> {
  const scripts = await Promise.all(steps.map(({ rollbackPath }) => readAllowed(rollbackPath)));
  await sql.begin(async (tx) => {
    await lockHistory(tx, expected);
    for (const [index, script] of scripts.entries()) {
      onStep(script.path);
      await runScript(tx, script, nothingChanged);
      await tx`
        delete from supabase_migrations.schema_migrations
        where version = ${steps[index]?.version ?? ""}`;
    }
  });
}

// A script that ends the transaction would make a failed rollback permanent up to that point.
async function readAllowed(path: string): Promise<Script> {
  const script = await readScript(path);
  const [found] = await forbiddenStatements(script.text);
  if (found !== undefined) {
    throw new UserError(`The statement in ${path}:${found.line} ${found.reason}.`, nothingChanged);
  }
  return script;
}

/** Keeps other rollbacks and pushes away until the transaction ends, and checks that none has come in between. */
async function lockHistory(tx: TransactionSql, expected: readonly string[]): Promise<void> {
  const [lock] = await tx<{ taken: boolean }[]>`
    select pg_try_advisory_xact_lock(${lockKey}) as taken`;
  if (lock?.taken !== true) {
    throw new UserError(
      "Another rollback of this database is running.",
      "Wait until it has ended.",
    );
  }
  // A push inserts its migrations into this table, so it waits until the rollback has ended.
  await tx`lock table supabase_migrations.schema_migrations in share row exclusive mode`;
  const applied = await appliedVersions(tx);
  if (applied.join() !== expected.join()) {
    throw new UserError(
      "The migrations of the database have changed since the plan was made.",
      "Run the command again.",
    );
  }
}
