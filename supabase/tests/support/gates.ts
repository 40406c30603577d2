/* The steps of npm run lint, and what completes the lock file. */

export { checkSchema, databaseSteps, sourceSteps } from "../../../scripts/lib/lint-steps.ts";
export { completeLock, missingPackages, parseLock } from "../../../scripts/lib/lock-file.ts";
