import type { Sql, TransactionSql } from "postgres";

/** The versions that `supabase db push` has recorded, oldest first. The list is empty before the first push. */
export async function appliedVersions(sql: Sql | TransactionSql): Promise<string[]> {
  const [history] = await sql<{ exists: boolean }[]>`
    select to_regclass('supabase_migrations.schema_migrations') is not null as exists`;
  if (history?.exists !== true) {
    return [];
  }
  const rows = await sql<{ version: string }[]>`
    select version from supabase_migrations.schema_migrations order by version`;
  return rows.map(({ version }) => version);
}
