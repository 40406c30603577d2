import { link, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { parseJson } from "../lib/parse-json.ts";
import { UserError } from "../lib/user-error.ts";
import { readIfThere } from "./private-file.ts";
import { isAlive, startOf } from "./processes.ts";

const holderSchema = z.object({ pid: z.number(), start: z.string().nullable() });

/**
 * Locks the data folder for this process. The lock of a process that was killed does not count.
 *
 * @returns what unlocks the folder
 * @throws UserError when another stack runs on it
 */
export async function lockFolder(dir: string): Promise<() => Promise<void>> {
  const file = join(dir, "lock.json");
  const draft = `${file}.${process.pid}`;
  const holder = { pid: process.pid, start: await startOf(process.pid) };
  await writeFile(draft, JSON.stringify(holder), { mode: 0o600 });
  try {
    while (!(await linkUnlessThere(draft, file))) {
      const pid = await lockHolder(dir);
      if (pid !== null) {
        throw new UserError(
          `A stack already runs on ${dir} (process ${pid}).`,
          "Use that one, stop it with Ctrl-C, or start another with npm start -- --port 0 --dir PATH.",
        );
      }
      await rm(file, { force: true });
    }
  } finally {
    await rm(draft, { force: true });
  }
  return () => rm(file, { force: true });
}

/** The id of the process that has locked the folder, or null. */
export async function lockHolder(dir: string): Promise<number | null> {
  const text = await readIfThere(join(dir, "lock.json"));
  const holder = text === null ? null : parseJson(text, holderSchema);
  if (!holder || !isAlive(holder.pid)) return null;
  return (await startOf(holder.pid)) === holder.start ? holder.pid : null;
}

/** Links the draft to the file. Of two processes that do it at once only one succeeds. */
async function linkUnlessThere(draft: string, file: string): Promise<boolean> {
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}
