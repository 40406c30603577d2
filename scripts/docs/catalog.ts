import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { connect } from "../lib/database.ts";

const tableSchema = z.object({
  schema: z.string(),
  name: z.string(),
  comment: z.string().nullable(),
  columns: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      required: z.boolean(),
      default: z.string().nullable(),
      /** The tables that its foreign keys lead to. */
      references: z.string().nullable(),
      comment: z.string().nullable(),
    }),
  ),
  checks: z.array(z.object({ name: z.string(), definition: z.string() })),
  /** Names of the policies, which are sentences. */
  policies: z.array(z.string()),
  /** Privileges of the API roles; `columns` is null where the privilege is on the whole table. */
  grants: z.array(
    z.object({
      role: z.string(),
      privilege: z.string(),
      columns: z.array(z.string()).nullable(),
    }),
  ),
  /** Their definitions, as `CREATE TRIGGER` statements. */
  triggers: z.array(z.string()),
});

const functionSchema = z.object({
  schema: z.string(),
  name: z.string(),
  comment: z.string().nullable(),
  volatility: z.enum(["volatile", "stable", "immutable"]),
  returns: z.string(),
  body: z.string(),
  arguments: z.array(
    z.object({ name: z.string(), type: z.string(), default: z.string().nullable() }),
  ),
  /** The API roles that may call it. */
  roles: z.array(z.string()),
});

const catalogSchema = z.object({
  tables: z.array(tableSchema),
  functions: z.array(functionSchema),
  errors: z.array(z.object({ identifier: z.string(), status: z.number(), meaning: z.string() })),
});

/** Everything that the schema reference shows. */
export type Catalog = z.infer<typeof catalogSchema>;

/** A table of the catalog. */
export type Table = Catalog["tables"][number];

/** A function of the catalog. */
export type DatabaseFunction = Catalog["functions"][number];

/**
 * Reads the catalogs of a database that has every migration.
 *
 * @param url of a connection as the role postgres
 */
export async function readCatalog(url: string): Promise<Catalog> {
  const sql = connect(url);
  try {
    const query = await readFile(join(import.meta.dirname, "catalog.sql"), "utf8");
    const rows = await sql.begin("read only", async (tx) => {
      await tx`set local search_path = public`;
      return tx.unsafe(query);
    });
    return catalogSchema.parse(rows[0]?.catalog);
  } finally {
    await sql.end();
  }
}
