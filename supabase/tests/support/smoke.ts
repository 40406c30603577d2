/* The checks of npm run smoke and what they expect. */

export { checksOf } from "../../../scripts/smoke/checks.ts";
export { rpcs, tables } from "../../../scripts/smoke/expectations.ts";
