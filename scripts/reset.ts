import { readArguments } from "./lib/arguments.ts";
import { inCallersWords } from "./lib/callers-words.ts";
import { confirm } from "./lib/confirm.ts";
import { UserError } from "./lib/user-error.ts";
import { deleteData, isDataFolder } from "./local/data-folder.ts";
import { lockHolder } from "./local/lock.ts";
import { defaultDataDir, resolveFromCaller } from "./local/paths.ts";
import { stopOrphan } from "./local/postgres.ts";

const unattended = [
  "The local data is not deleted, because there is no terminal to confirm it.",
  "Run npm run reset -- --yes.",
] as const;

/** `npm run reset`: deletes the data of a local stack, after a confirmation. */
export async function run(args: string[]): Promise<number> {
  const { yes, dir } = parse(args);
  if (!isDataFolder(dir)) {
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
  const question = `Delete the local database, its users and its keys in ${dir}? [y/N] `;
  if (!yes && !(await confirm(question, unattended, /^y(es)?$/i))) {
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
  const { values } = readArguments("reset", {
    args,
    options: { yes: { type: "boolean", default: false }, dir: { type: "string" } },
  });
  return { yes: values.yes, dir: values.dir ? resolveFromCaller(values.dir) : defaultDataDir };
}
