import { usageError } from "./lib/arguments.ts";
import { pushIfClean, readPushArguments } from "./lib/checked-push.ts";
import { checkMigrations, lintMigrations } from "./lib/lint-steps.ts";

/**
 * `npm run db:push`: runs `supabase db push` once every migration has a rollback, has no forbidden statement and passes
 * Squawk.
 */
export async function run(args: string[]): Promise<number> {
  const { remote, flags } = readPushArguments("db-push", args);
  if (remote === undefined) {
    throw usageError("db-push", "No database is named. The local stack needs no push.");
  }
  console.log("Checking the migrations ...");
  const findings = [await checkMigrations(), await lintMigrations()].filter((text) => text !== "");
  // Without --skip-vault, secrets of the config file would overwrite those of the database.
  return pushIfClean(findings, ["--skip-vault", `--remote=${remote}`, ...flags]);
}
