import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Sql } from "postgres";
import { z } from "zod";
import { packageRoot } from "../package-root.ts";

/** What came of a row of the original schema. */
export interface ReportedRow {
  table: string;
  id: string;
  /** changed: imported, but not as it was. */
  outcome: "imported" | "changed" | "refused";
  reason: string | null;
}

const reportSchema = z.array(
  z.object({
    table: z.string(),
    id: z.string(),
    outcome: z.enum(["imported", "changed", "refused"]),
    reason: z.string().nullable(),
  }),
);

/** The folder of the scripts, which the package carries as they are. */
export const adoptFolder = join(packageRoot, "scripts", "package", "adopt");

/**
 * Copies the rows of schema legacy into Pinebase's tables, in one transaction. Again, it copies what is not there
 * yet.
 *
 * @param plans what the original plan types are called now
 */
export async function importRows(
  sql: Sql,
  plans: Readonly<Record<string, string>>,
): Promise<ReportedRow[]> {
  const script = await readFile(join(adoptFolder, "import.sql"), "utf8");
  return await sql.begin(async (tx) => {
    await tx.unsafe(script).simple();
    await tx`select pg_temp.import_users()`;
    await tx`select pg_temp.import_api_keys()`;
    await tx`select pg_temp.import_subscriptions(${tx.json(plans)})`;
    await tx`select pg_temp.import_indicators()`;
    await tx`select pg_temp.import_custom_indicators()`;
    await tx`select pg_temp.import_strategies()`;
    await tx`select pg_temp.import_coupons()`;
    const rows = await tx`
      select
        table_name as table,
        row_id as id,
        outcome,
        case when outcome <> 'imported' then reason end as reason
      from adoption_report`;
    return reportSchema.parse([...rows]);
  });
}
