import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { readCatalog } from "./docs/catalog.ts";
import { renderReferences, staleReferences } from "./docs/reference.ts";
import { withMigratedDatabase } from "./lib/scratch-platform.ts";

/**
 * `npm run docs`: writes the references in `docs/` from a database that has every migration and from the sources.
 * `--check` only tells which files are out of date.
 */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { check: { type: "boolean", default: false } } });
  const catalog = await withMigratedDatabase(readCatalog);
  const stale = await staleReferences(catalog);
  if (stale.length === 0) {
    console.log("The references in docs are up to date.");
    return 0;
  }
  if (values.check) {
    console.log(`Out of date: ${stale.join(", ")}. Run npm run docs.`);
    return 1;
  }
  for (const [file, text] of await renderReferences(catalog)) {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  console.log(`Wrote ${stale.join(", ")}.`);
  return 0;
}
