/* What npm run smoke asks and expects. */

export { checksOf } from "../../../scripts/smoke/checks.ts";
export { rpcs, tables } from "../../../scripts/smoke/expectations.ts";
