import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { databaseTypesFile, generateDatabaseTypes } from "./lib/database-types.ts";
import { withMigratedDatabase } from "./lib/scratch-platform.ts";

/**
 * `npm run gen:types`: writes the types of the schema that the migrations make, and not of whatever a
 * running stack happens to have. `--check` only tells whether the file is up to date.
 */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { check: { type: "boolean", default: false } } });
  const types = await withMigratedDatabase((url) => generateDatabaseTypes(url));
  const present = await readFile(databaseTypesFile, "utf8").catch(() => null);
  if (types === present) {
    console.log(`${databaseTypesFile} is up to date.`);
    return 0;
  }
  if (values.check) {
    console.log(`${databaseTypesFile} is out of date: run npm run gen:types.`);
    return 1;
  }
  await mkdir(dirname(databaseTypesFile), { recursive: true });
  await writeFile(databaseTypesFile, types);
  console.log(`Wrote ${databaseTypesFile}.`);
  return 0;
}
