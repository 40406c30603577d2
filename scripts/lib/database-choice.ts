import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { defaultDataDir, resolveFromCaller } from "../local/paths.ts";
import { type Status, statusSchema } from "../local/status.ts";
import { UserError } from "./user-error.ts";

/** The database of a command: `--remote=URL`, or the local stack whose data folder is `--dir`. */
export interface DatabaseChoice {
  remote?: string | undefined;
  dir?: string | undefined;
}

/**
 * The URL of the chosen database.
 *
 * @throws UserError when there is neither a URL nor a running local stack
 */
export async function databaseUrl({ remote, dir }: DatabaseChoice): Promise<string> {
  const url = remote ?? (await localStatus(dir))?.DB_URL;
  if (url !== undefined) return url;
  throw new UserError(
    "No stack runs on this machine, and no --remote names another database.",
    "Run npm start in another terminal, or add --remote=postgresql://...",
  );
}

/** The status of the local stack, or null if none runs. */
export async function localStatus(dir: string | undefined): Promise<Status | null> {
  const folder = dir === undefined ? defaultDataDir : resolveFromCaller(dir);
  const text = await readFile(join(folder, "status.json"), "utf8").catch(() => null);
  return text === null ? null : statusSchema.parse(JSON.parse(text));
}
