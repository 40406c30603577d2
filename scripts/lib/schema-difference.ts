import { readFile } from "node:fs/promises";
import { connect } from "./database.ts";
import { listMigrations, supabaseDirectory } from "./migration-files.ts";
import { runScript, type Script } from "./run-script.ts";
import { readSchemaFiles } from "./schema-files.ts";
import { type SchemaSnapshot, schemaSnapshot } from "./schema-snapshot.ts";
import { startScratchPlatform } from "./scratch-platform.ts";

/** A throw-away database. */
export interface SchemaDatabase {
  /** As the role postgres. */
  url: string;
  /** What it was made of. */
  scripts: readonly Script[];
  snapshot(): Promise<SchemaSnapshot>;
  /** Runs scripts as a push does, each in a transaction of its own. */
  run(scripts: readonly Script[]): Promise<void>;
}

/** Gives a piece of work one database that is made of the migrations and one that is made of the schema files. */
export async function withBothSchemas<T>(
  work: (migrations: SchemaDatabase, files: SchemaDatabase) => Promise<T>,
  directory = supabaseDirectory,
): Promise<T> {
  const migrations = await Promise.all(
    (await listMigrations(directory)).map(({ path }) => read(path)),
  );
  const files = await readSchemaFiles(directory);
  const platform = await startScratchPlatform();
  try {
    const create = async (name: string, scripts: readonly Script[]): Promise<SchemaDatabase> => {
      const url = await platform.createDatabase(name, "revoked");
      const database = {
        url,
        scripts,
        snapshot: () => platform.asAdmin(name, schemaSnapshot),
        run: (more: readonly Script[]) => runScripts(url, more),
      };
      await database.run(scripts);
      return database;
    };
    return await work(await create("migrations", migrations), await create("files", files));
  } finally {
    await platform.stop();
  }
}

/** What differs between two snapshots, one line for each object. */
export function differences(
  one: [name: string, snapshot: SchemaSnapshot],
  other: [name: string, snapshot: SchemaSnapshot],
): string[] {
  const [oneName, oneSnapshot] = one;
  const [otherName, otherSnapshot] = other;
  const objects = new Set([...Object.keys(oneSnapshot), ...Object.keys(otherSnapshot)]);
  return [...objects].sort().flatMap((object) => {
    const [here, there] = [oneSnapshot[object], otherSnapshot[object]];
    if (here === there) return [];
    if (here === undefined) return [`${object}: only ${otherName} have it`];
    if (there === undefined) return [`${object}: only ${oneName} have it`];
    return [`${object}: ${oneName} and ${otherName} say different things`];
  });
}

/**
 * What differs between the migrations and the schema files. A setting of a role belongs to the whole server, so that a
 * difference in one is not seen.
 */
export function compareSchemas(directory = supabaseDirectory): Promise<string[]> {
  return withBothSchemas(
    async (migrations, files) =>
      differences(
        ["the migrations", await migrations.snapshot()],
        ["the schema files", await files.snapshot()],
      ),
    directory,
  );
}

/** Reads a script. */
async function read(path: string): Promise<Script> {
  return { path, text: await readFile(path, "utf8") };
}

async function runScripts(url: string, scripts: readonly Script[]): Promise<void> {
  const sql = connect(url);
  try {
    for (const script of scripts) {
      await sql.begin((tx) => runScript(tx, script, "Correct the file and run the command again."));
    }
  } finally {
    await sql.end();
  }
}
