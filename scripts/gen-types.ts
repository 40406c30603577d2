import { writeFile } from "node:fs/promises";
import { readArguments } from "./lib/arguments.ts";
import { databaseTypesFile, generateDatabaseTypes } from "./lib/database-types.ts";
import { withMigratedDatabase } from "./lib/scratch-platform.ts";

/** `npm run gen:types`: writes the types of the migrations' schema, whatever the schema of a running stack is. */
export async function run(args: string[]): Promise<number> {
  readArguments("gen-types", { args });
  await writeFile(databaseTypesFile, await withMigratedDatabase(generateDatabaseTypes));
  console.log(`Wrote ${databaseTypesFile}.`);
  return 0;
}
