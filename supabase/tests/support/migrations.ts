/* The migrations, their rollbacks and the schema files. */

export { appliedVersions } from "../../../scripts/lib/applied-versions.ts";
export { listMigrations, type Migration } from "../../../scripts/lib/migration-files.ts";
export { rollBack } from "../../../scripts/lib/rollback.ts";
export { planRollback } from "../../../scripts/lib/rollback-plan.ts";
export { runScript } from "../../../scripts/lib/run-script.ts";
export { readSchemaFiles } from "../../../scripts/lib/schema-files.ts";
export { forbiddenStatements } from "../../../scripts/lib/sql-rules.ts";
