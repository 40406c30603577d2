import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { confirm } from "./lib/confirm.ts";
import { connect, describeDatabase } from "./lib/database.ts";
import { listMigrations, type Migration } from "./lib/migration-files.ts";
import { appliedVersions, rollBack } from "./lib/rollback.ts";
import { planRollback, type RollbackRequest } from "./lib/rollback-plan.ts";
import { UserError } from "./lib/user-error.ts";
import { defaultDataDir, resolveFromCaller } from "./local/paths.ts";
import { statusSchema } from "./local/status.ts";

const unattended = [
  "A rollback drops tables with their rows, and nobody is here to confirm it.",
  "Add --yes, or see what would happen with --dry-run.",
] as const;

const question = "The tables they made are dropped with their rows. Type yes: ";

/**
 * `npm run db:rollback`: undoes the newest migrations by their rollbacks in `supabase/rollbacks`.
 *
 * `--last n` (1) or `--to VERSION`, which stays; `--remote=URL`, or else the stack that runs here, whose
 * folder `--dir` names; `--dry-run` tells what would happen; `--yes` does not ask.
 */
export async function run(args: string[]): Promise<number> {
  const options = parse(args);
  const url = options.remote ?? (await localDatabase(options.dir));
  const sql = connect(url);
  try {
    const applied = await appliedVersions(sql).catch((cause: unknown) => {
      throw unreachable(url, cause);
    });
    const steps = planRollback(applied, await listMigrations(), options.request);
    if (steps.length === 0) {
      console.log(`Nothing to roll back in ${describeDatabase(url)}.`);
      return 0;
    }
    announce(steps, url);
    if (options.dryRun) {
      console.log("Nothing was changed: this was a dry run.");
      return 0;
    }
    if (!options.yes && !(await confirm(question, unattended))) {
      console.log("Nothing was changed.");
      return 1;
    }
    await rollBack(sql, steps, applied, (file) => console.log(`running ${file}`));
    console.log(`Rolled back ${count(steps)}.`);
    return 0;
  } finally {
    await sql.end();
  }
}

interface Options {
  request: RollbackRequest;
  remote: string | undefined;
  dir: string;
  dryRun: boolean;
  yes: boolean;
}

function parse(args: string[]): Options {
  const { values } = readArguments(args);
  if (values.last !== undefined && values.to !== undefined) {
    throw new UserError("--last and --to exclude each other.", "Give one of them.");
  }
  return {
    request: values.to === undefined ? { last: readCount(values.last ?? "1") } : { to: values.to },
    remote: values.remote,
    dir: values.dir === undefined ? defaultDataDir : resolveFromCaller(values.dir),
    dryRun: values["dry-run"],
    yes: values.yes,
  };
}

function readArguments(args: string[]) {
  try {
    return parseArgs({
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
  } catch (cause) {
    throw new UserError(
      cause instanceof Error ? cause.message : String(cause),
      "Usage: npm run db:rollback -- [--last n | --to VERSION] [--remote=URL | --dir PATH] [--dry-run] [--yes]",
      { cause },
    );
  }
}

function readCount(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text)) {
    throw new UserError(`--last takes a whole number from 1, not "${text}".`, "Try --last 1.");
  }
  return Number(text);
}

async function localDatabase(dir: string): Promise<string> {
  const file = join(dir, "status.json");
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new UserError(
      "No stack runs here, and no --remote says which database to roll back.",
      "Run npm start in another terminal, or add --remote=postgresql://...",
      { cause },
    );
  });
  return statusSchema.parse(JSON.parse(text)).DB_URL;
}

function unreachable(url: string, cause: unknown): UserError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new UserError(
    `The database ${describeDatabase(url)} cannot be read: ${why}`,
    "Check the address and the password, and that it runs (npm start).",
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
