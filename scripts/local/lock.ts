import { link, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../lib/user-error.ts";
import { isAlive, startOf } from "./processes.ts";
import { readIfThere } from "./secrets.ts";

const holderSchema = z.object({ pid: z.number(), start: z.string().nullable() });

/**
 * Takes the data folder for this process. What a process that was killed left behind does not count.
 *
 * @returns what gives the folder back
 * @throws UserError when another stack runs on it
 */
export async function lockFolder(dir: string): Promise<() => Promise<void>> {
  const file = join(dir, "lock.json");
  const draft = `${file}.${process.pid}`;
  const holder = { pid: process.pid, start: await startOf(process.pid) };
  await writeFile(draft, JSON.stringify(holder), { mode: 0o600 });
  try {
    while (!(await takes(draft, file))) {
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

/** The id of the process that holds the folder, or null when nobody does. */
export async function lockHolder(dir: string): Promise<number | null> {
  const text = await readIfThere(join(dir, "lock.json"));
  if (text === null) return null;
  const holder = parse(text);
  if (!holder || !isAlive(holder.pid)) return null;
  return (await startOf(holder.pid)) === holder.start ? holder.pid : null;
}

/** Linking fails when the file is there: of two that start at once only one gets it. */
async function takes(draft: string, file: string): Promise<boolean> {
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

function parse(text: string): z.infer<typeof holderSchema> | null {
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
