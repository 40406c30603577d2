/* Databases that a test makes, and how it reaches and compares them. */

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
