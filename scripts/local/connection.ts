import type postgres from "postgres";
import { connect } from "../lib/database.ts";

/** Opens one connection to a database for `work`, with these settings, and closes it afterwards. */
export async function withConnection<T>(
  url: string,
  work: (sql: postgres.Sql) => Promise<T>,
  settings: Record<string, string> = {},
): Promise<T> {
  const sql = connect(url, settings);
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}
