import { readFile } from "node:fs/promises";
import type { Sql, TransactionSql } from "postgres";
import type { Migration } from "./migration-files.ts";
import { runScript, type Script } from "./run-script.ts";
import { forbiddenStatements } from "./sql-rules.ts";
import { UserError } from "./user-error.ts";

// Any number will do, as long as two rollbacks of one database choose the same.
const lockKey = 7_463_264;

const nothingChanged = "Nothing was changed. Fix the script, then run the command again.";

/** The versions that `supabase db push` has recorded, oldest first; none before the first push. */
export async function appliedVersions(sql: Sql | TransactionSql): Promise<string[]> {
  const [history] = await sql<{ exists: boolean }[]>`
    select to_regclass('supabase_migrations.schema_migrations') is not null as exists`;
  if (history?.exists !== true) {
    return [];
  }
  const rows = await sql<{ version: string }[]>`
    select version from supabase_migrations.schema_migrations order by version`;
  return rows.map(({ version }) => version);
}

/**
 * Runs the rollbacks in the order given and takes their migrations out of the history, all in one
 * transaction: either everything is undone, or nothing.
 *
 * @param expected the versions the plan was made for; another push in between stops the rollback
 * @throws UserError when a rollback fails, or the database is not in the state expected
 */
export async function rollBack(
  sql: Sql,
  steps: readonly Migration[],
  expected: readonly string[],
  onStep: (file: string) => void = () => {},
): Promise<void> {
  const scripts = await Promise.all(steps.map(({ rollbackPath }) => read(rollbackPath)));
  await sql.begin(async (tx) => {
    await takeTurn(tx, expected);
    for (const [index, script] of scripts.entries()) {
      onStep(script.path);
      await runScript(tx, script, nothingChanged);
      await tx`
        delete from supabase_migrations.schema_migrations
        where version = ${steps[index]?.version ?? ""}`;
    }
  });
}

// A script that ends the transaction would leave the first half of the rollback behind for good.
async function read(path: string): Promise<Script> {
  const text = await readFile(path, "utf8");
  const [found] = await forbiddenStatements(text);
  if (found !== undefined) {
    throw new UserError(`The statement in ${path}:${found.line} ${found.reason}.`, nothingChanged);
  }
  return { path, text };
}

async function takeTurn(tx: TransactionSql, expected: readonly string[]): Promise<void> {
  const [turn] = await tx<{ taken: boolean }[]>`
    select pg_try_advisory_xact_lock(${lockKey}) as taken`;
  if (turn?.taken !== true) {
    throw new UserError(
      "Another rollback of this database is running.",
      "Wait until it has ended.",
    );
  }
  // A push records its migrations here: it waits until the rollback is over.
  await tx`lock table supabase_migrations.schema_migrations in share row exclusive mode`;
  const applied = await appliedVersions(tx);
  if (applied.join() !== expected.join()) {
    throw new UserError(
      "The migrations of the database have changed since the plan was made.",
      "Run the command again.",
    );
  }
}
