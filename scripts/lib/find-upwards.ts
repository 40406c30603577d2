import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** The nearest folder, from a folder upwards, that contains a path, or null. */
export function findUpwards(from: string, path: string): string | null {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    if (existsSync(join(folder, path))) return folder;
    if (folder === dirname(folder)) return null;
  }
}
