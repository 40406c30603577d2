import { pushIfClean, readPushArguments } from "../lib/checked-push.ts";
import { listMigrations } from "../lib/migration-files.ts";
import { forbiddenIn } from "../lib/sql-rules.ts";
import { changedMigrations, readLedger } from "./ledger.ts";

/**
 * `npx pinebase push`: runs `supabase db push` on the linked project or the database of `--remote`, once no migration has
 * a forbidden statement and the migrations that Pinebase added are unchanged.
 */
export async function run(args: string[]): Promise<number> {
  const { remote, flags } = readPushArguments("push", args);
  console.log("Checking the migrations ...");
  const paths = (await listMigrations()).map(({ path }) => path);
  const findings = [
    ...(await changedMigrations(await readLedger("supabase"), "supabase")),
    ...(await forbiddenIn(paths)),
  ];
  return pushIfClean(findings, [
    remote === undefined ? "--linked" : `--remote=${remote}`,
    ...flags,
  ]);
}
