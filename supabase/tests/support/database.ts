/* How tests create, reach and compare databases. */

import type postgres from "postgres";
import { connect } from "../../../scripts/lib/database.ts";

export { connect } from "../../../scripts/lib/database.ts";
export { runPgtapFile } from "../../../scripts/lib/pgtap.ts";
export { installPgtap } from "../../../scripts/lib/pgtap-extension.ts";
export { type SchemaSnapshot, schemaSnapshot } from "../../../scripts/lib/schema-snapshot.ts";
export {
  type ScratchPlatform,
  startScratchPlatform,
} from "../../../scripts/lib/scratch-platform.ts";
export { directRpc } from "../../../scripts/lib/service-database.ts";
export { pushMigrations } from "../../../scripts/local/migrations.ts";
export {
  createPlatformDatabase,
  dropDatabase,
  preparePlatform,
} from "../../../scripts/local/platform.ts";
export {
  type PostgresServer,
  startPostgres,
  superuserUrl,
} from "../../../scripts/local/postgres.ts";

/** Runs a piece of work over one connection to a database. */
export async function withConnection<T>(
  url: string,
  work: (sql: postgres.Sql) => Promise<T>,
): Promise<T> {
  const sql = connect(url);
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}
