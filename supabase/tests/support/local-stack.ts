/* The parts of the local stack. */

export { loadConfig } from "../../../scripts/local/config.ts";
export { prepareFolder } from "../../../scripts/local/data-folder.ts";
export { type Functions, startFunctions } from "../../../scripts/local/functions.ts";
export { openLog } from "../../../scripts/local/log-file.ts";
export { loadSecrets, type Secrets } from "../../../scripts/local/secrets.ts";
export { type Stack, startStack } from "../../../scripts/local/stack.ts";
export type { Status } from "../../../scripts/local/status.ts";
export { createDeliveries, newEvent } from "../../../scripts/local/stripe/deliveries.ts";
export { startSweeps } from "../../../scripts/local/sweeps.ts";
export { signToken } from "../../../scripts/local/tokens.ts";
