import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { readCatalog } from "./docs/catalog.ts";
import { compareReference, referenceFile, renderReference } from "./docs/reference.ts";
import { withMigratedDatabase } from "./lib/scratch-platform.ts";

/**
 * `npm run docs`: writes the schema reference from a database that has every migration. `--check` only tells
 * whether the file is up to date.
 */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { check: { type: "boolean", default: false } } });
  const catalog = await withMigratedDatabase(readCatalog);
  const difference = await compareReference(catalog);
  if (difference === "" || values.check) {
    console.log(difference === "" ? `${referenceFile} is up to date.` : `${difference}.`);
    return difference === "" ? 0 : 1;
  }
  await mkdir(dirname(referenceFile), { recursive: true });
  await writeFile(referenceFile, renderReference(catalog));
  console.log(`Wrote ${referenceFile}.`);
  return 0;
}
