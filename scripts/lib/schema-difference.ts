import { withConnection } from "../local/connection.ts";
import { listMigrations } from "./migration-files.ts";
import { readScript, runScript, type Script } from "./run-script.ts";
import { readSchemaFiles } from "./schema-files.ts";
import { type SchemaSnapshot, schemaSnapshot } from "./schema-snapshot.ts";
import { startScratchPlatform } from "./scratch-platform.ts";

/** A database of a scratch platform. */
export interface SchemaDatabase {
  /** As the role postgres. */
  url: string;
  /** The scripts that created its schema. */
  scripts: readonly Script[];
  snapshot(): Promise<SchemaSnapshot>;
  /** Runs scripts as a push does, each in one transaction. */
  run(scripts: readonly Script[]): Promise<void>;
}

/** Calls `use` with one database created from the migrations and one created from the schema files. */
export async function withBothSchemas<T>(
  use: (migrations: SchemaDatabase, files: SchemaDatabase) => Promise<T>,
): Promise<T> {
  const migrations = await Promise.all(
    (await listMigrations()).map(({ path }) => readScript(path)),
  );
  const files = await readSchemaFiles();
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
    return await use(await create("migrations", migrations), await create("files", files));
  } finally {
    await platform.stop();
  }
}

/** The differences between two snapshots, one line for each object. */
export function differences(
  [oneName, one]: [name: string, snapshot: SchemaSnapshot],
  [otherName, other]: [name: string, snapshot: SchemaSnapshot],
): string[] {
  const objects = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...objects].sort().flatMap((object) => {
    if (one[object] === other[object]) return [];
    if (one[object] === undefined) return [`${object}: only in ${otherName}`];
    if (other[object] === undefined) return [`${object}: only in ${oneName}`];
    return [`${object}: differs between ${oneName} and ${otherName}`];
  });
}

/**
 * The differences between the migrations and the schema files. Settings of roles are not compared: they belong to the
 * whole server, and both databases are on one.
 */
export function compareSchemas(): Promise<string[]> {
  return withBothSchemas(async (migrations, files) =>
    differences(
      ["the migrations", await migrations.snapshot()],
      ["the schema files", await files.snapshot()],
    ),
  );
}

function runScripts(url: string, scripts: readonly Script[]): Promise<void> {
  return withConnection(url, async (sql) => {
    for (const script of scripts) {
      await sql.begin((tx) => runScript(tx, script, "Correct the file and run the command again."));
    }
  });
}
