import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { readCatalog } from "./docs/catalog.ts";
import { renderReferences, staleReferences } from "./docs/reference.ts";
import { readArguments } from "./lib/arguments.ts";
import { withMigratedDatabase } from "./lib/scratch-platform.ts";

/** `npm run docs`: writes the references in `docs/` from a database that has every migration and from the sources. */
export async function run(args: string[]): Promise<number> {
  readArguments("docs", { args });
  const catalog = await withMigratedDatabase(readCatalog);
  const stale = await staleReferences(catalog);
  if (stale.length === 0) {
    console.log("The references in docs are up to date.");
    return 0;
  }
  for (const [file, text] of await renderReferences(catalog)) {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  console.log(`Wrote ${stale.join(", ")}.`);
  return 0;
}
