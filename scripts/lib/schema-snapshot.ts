import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Sql } from "postgres";

/** The definition of every object of a database, by its kind and name. */
export type SchemaSnapshot = Readonly<Record<string, string>>;

const query = await readFile(join(import.meta.dirname, "schema-snapshot.sql"), "utf8");

/**
 * Reads everything that a migration can leave behind in a database. Two databases with equal snapshots have the same
 * schema.
 *
 * @param sql a connection of a superuser, which can count the rows of every table
 */
export async function schemaSnapshot(sql: Sql): Promise<SchemaSnapshot> {
  // With an empty search path every name is printed with its schema.
  return sql.begin("read only", async (tx) => {
    await tx`set local search_path = ''`;
    const rows =
      await tx.unsafe<{ kind: string; name: string; definition: string | null }[]>(query);
    return Object.fromEntries(rows.map((row) => [`${row.kind} ${row.name}`, row.definition ?? ""]));
  });
}
