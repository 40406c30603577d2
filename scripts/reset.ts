import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { inCallersWords } from "./lib/callers-words.ts";
import { UserError } from "./lib/user-error.ts";
import { deleteData, isDataFolder } from "./local/data-folder.ts";
import { lockHolder } from "./local/lock.ts";
import { defaultDataDir, resolveFromCaller } from "./local/paths.ts";
import { stopOrphan } from "./local/postgres.ts";

const usage = "Use npm run reset -- [--yes] [--dir PATH].";

/** `npm run reset`: deletes what a local stack has kept, after asking. */
export async function run(args: string[]): Promise<number> {
  const { yes, dir } = parse(args);
  if (!(await isDataFolder(dir))) {
    process.stdout.write(`There is no local data in ${dir}.\n`);
    return 0;
  }
  const pid = await lockHolder(dir);
  if (pid !== null) {
    throw new UserError(
      `The stack on ${dir} is running (process ${pid}).`,
      "Stop it with Ctrl-C and run npm run reset again.",
    );
  }
  if (!yes && !(await confirm(`Delete the local database, its users and its keys in ${dir}?`))) {
    process.stdout.write("Nothing was deleted.\n");
    return 1;
  }
  await stopOrphan(dir);
  await deleteData(dir);
  process.stdout.write(
    inCallersWords(`Deleted the local data in ${dir}. The next npm start begins afresh.\n`),
  );
  return 0;
}

function parse(args: string[]): { yes: boolean; dir: string } {
  try {
    const { values } = parseArgs({
      args,
      options: { yes: { type: "boolean", default: false }, dir: { type: "string" } },
    });
    return { yes: values.yes, dir: values.dir ? resolveFromCaller(values.dir) : defaultDataDir };
  } catch (cause) {
    throw new UserError(cause instanceof Error ? cause.message : String(cause), usage, { cause });
  }
}

async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new UserError(
      "There is nobody to ask whether the local data may be deleted.",
      "Run npm run reset -- --yes.",
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}
