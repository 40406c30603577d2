import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The folder of this package, both for the sources and for the build in dist. */
export const packageRoot = find(import.meta.dirname);

function find(folder: string): string {
  return existsSync(join(folder, "package.json")) ? folder : find(dirname(folder));
}
