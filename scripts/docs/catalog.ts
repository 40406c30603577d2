import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { connect } from "../lib/database.ts";

/** Policies by their names, which are sentences. */
const policiesSchema = z.array(z.string());

const tableSchema = z.object({
  schema: z.string(),
  name: z.string(),
  comment: z.string().nullable(),
  /** Whether its changes are sent to subscribers. */
  realtime: z.boolean(),
  columns: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      required: z.boolean(),
      default: z.string().nullable(),
      comment: z.string().nullable(),
    }),
  ),
  checks: z.array(z.object({ name: z.string(), definition: z.string() })),
  policies: policiesSchema,
  /** To the API roles; `columns` is null where the grant is on the whole table. */
  grants: z.array(
    z.object({
      role: z.string(),
      privilege: z.string(),
      columns: z.array(z.string()).nullable(),
    }),
  ),
  triggers: z.array(z.object({ function: z.string(), events: z.array(z.string()) })),
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
  references: z.array(
    z.object({
      table: z.string(),
      target: z.string(),
      columns: z.array(z.string()),
      optional: z.boolean(),
      unique: z.boolean(),
    }),
  ),
  functions: z.array(functionSchema),
  errors: z.array(z.object({ identifier: z.string(), status: z.number(), meaning: z.string() })),
  storagePolicies: policiesSchema,
  realtimePolicies: policiesSchema,
  buckets: z.array(
    z.object({
      id: z.string(),
      public: z.boolean(),
      limit: z.number().nullable(),
      types: z.array(z.string()).nullable(),
    }),
  ),
});

/** Everything that the schema reference tells. */
export type Catalog = z.infer<typeof catalogSchema>;

/** A table of the catalog. */
export type Table = Catalog["tables"][number];

/** A function of the catalog. */
export type DatabaseFunction = Catalog["functions"][number];

/**
 * Reads the catalogs of a database that has every migration.
 *
 * @param url as the role postgres
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
