import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** Lists the files below a folder whose names have this ending, sorted. Returns none if the folder does not exist. */
export async function findFiles(directory: string, ending: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true }).catch(() => []);
  return entries
    .filter((path) => path.endsWith(ending) && !path.includes("node_modules"))
    .map((path) => join(directory, path))
    .sort();
}
