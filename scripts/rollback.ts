import { appliedVersions } from "./lib/applied-versions.ts";
import { readArguments, usageError } from "./lib/arguments.ts";
import { confirm } from "./lib/confirm.ts";
import { databaseUrl } from "./lib/database-choice.ts";
import { describeDatabase } from "./lib/database-url.ts";
import { listMigrations, type Migration } from "./lib/migration-files.ts";
import { rollBack } from "./lib/rollback.ts";
import { planRollback, type RollbackRequest } from "./lib/rollback-plan.ts";
import { UserError } from "./lib/user-error.ts";
import { withConnection } from "./local/connection.ts";

const unattended = [
  "A rollback drops tables with their rows, and must be confirmed at a terminal.",
  "Add --yes, or see what would happen with --dry-run.",
] as const;

const question = "This drops the tables that they created. Type yes to continue: ";

/**
 * `npm run db:rollback`: undoes the newest migrations by their rollbacks in `supabase/rollbacks`. Asks for confirmation,
 * because a rollback destroys rows.
 */
export async function run(args: string[]): Promise<number> {
  const { request, dryRun, yes, ...choice } = parse(args);
  const url = await databaseUrl(choice);
  return withConnection(url, async (sql) => {
    const applied = await appliedVersions(sql).catch((cause: unknown) => {
      throw unreachable(url, cause);
    });
    const steps = planRollback(applied, await listMigrations(), request);
    if (steps.length === 0) {
      console.log(`Nothing to roll back in ${describeDatabase(url)}.`);
      return 0;
    }
    announce(steps, url);
    if (dryRun) {
      console.log("Nothing was changed: this was a dry run.");
      return 0;
    }
    if (!yes && !(await confirm(question, unattended))) {
      console.log("Nothing was changed.");
      return 1;
    }
    await rollBack(sql, steps, applied, (file) => console.log(`running ${file}`));
    console.log(`Rolled back ${count(steps)}.`);
    return 0;
  });
}

function parse(args: string[]) {
  const { values } = readArguments("rollback", {
    args,
    options: {
      last: { type: "string" },
      to: { type: "string" },
      remote: { type: "string" },
      dir: { type: "string" },
      "dry-run": { type: "boolean", default: false },
      yes: { type: "boolean", default: false },
    },
  });
  const { last, to, "dry-run": dryRun, ...rest } = values;
  if (last !== undefined && to !== undefined) {
    throw usageError("rollback", "--last and --to exclude each other.");
  }
  const request: RollbackRequest = to === undefined ? { last: readCount(last ?? "1") } : { to };
  return { ...rest, dryRun, request };
}

function readCount(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text)) {
    throw new UserError(`--last takes a whole number from 1, not "${text}".`, "Try --last 1.");
  }
  return Number(text);
}

function unreachable(url: string, cause: unknown): UserError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new UserError(
    `The database ${describeDatabase(url)} cannot be read: ${why}`,
    "Check the address and the password, and whether the database runs (npm start).",
    { cause },
  );
}

function announce(steps: readonly Migration[], url: string): void {
  console.log(`${count(steps)} of ${describeDatabase(url)}, newest first:`);
  for (const { file } of steps) {
    console.log(`  ${file}`);
  }
}

function count(steps: readonly Migration[]): string {
  return `${steps.length} ${steps.length === 1 ? "migration" : "migrations"}`;
}
