/* The parts of npx pinebase add. */

export { planAdd } from "../../../scripts/package/add-plan.ts";
export { planSettings } from "../../../scripts/package/function-settings.ts";
export { changedMigrations, readLedger } from "../../../scripts/package/ledger.ts";
export { readSources, type Sources } from "../../../scripts/package/sources.ts";
export { namesInPublic } from "../../../scripts/package/taken-names.ts";
