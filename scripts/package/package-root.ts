import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The folder of this package, from the sources as from what is built of them. */
export const packageRoot = find(import.meta.dirname);

function find(folder: string): string {
  return existsSync(join(folder, "package.json")) ? folder : find(dirname(folder));
}
