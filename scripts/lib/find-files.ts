import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** Lists the files below a folder whose name ends so, sorted; none when there is no such folder. */
export async function findFiles(directory: string, ending: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true }).catch(() => []);
  return entries
    .filter((path) => path.endsWith(ending) && !path.includes("node_modules"))
    .map((path) => join(directory, path))
    .sort();
}
