import type { Migration } from "./migration-files.ts";
import { UserError } from "./user-error.ts";

/** What to roll back: a number of the newest migrations, or all that are newer than a version. */
export type RollbackRequest = { last: number } | { to: string };

/**
 * Decides which rollbacks to run, newest first. An empty list means that there is nothing to do.
 *
 * @param applied the versions that the database has
 * @param local the migrations of this checkout
 * @throws UserError when the request cannot be met, a rollback is missing, or the database has a
 *   migration that this checkout does not have
 */
export function planRollback(
  applied: readonly string[],
  local: readonly Migration[],
  request: RollbackRequest,
): Migration[] {
  const newestFirst = [...applied].sort().reverse();
  const known = new Map(local.map((migration) => [migration.version, migration]));

  const unknown = newestFirst.find((version) => !known.has(version));
  if (unknown !== undefined) {
    throw new UserError(
      `The database has migration ${unknown}, which is not in this checkout.`,
      "Check out the version that was pushed, then run the command again.",
    );
  }

  const steps = newestFirst
    .slice(0, countOf(newestFirst, request))
    .flatMap((version) => known.get(version) ?? []);
  const withoutRollback = steps.find((migration) => !migration.hasRollback);
  if (withoutRollback !== undefined) {
    throw new UserError(
      `${withoutRollback.file} has no rollback.`,
      `Write ${withoutRollback.rollbackPath}, then run the command again.`,
    );
  }
  return steps;
}

function countOf(newestFirst: string[], request: RollbackRequest): number {
  if ("last" in request) {
    if (request.last > newestFirst.length) {
      throw new UserError(
        `The database has ${newestFirst.length} migrations, fewer than ${request.last}.`,
        `The highest possible number is ${newestFirst.length}.`,
      );
    }
    return request.last;
  }
  const index = newestFirst.indexOf(request.to);
  if (index === -1) {
    throw new UserError(
      `The database does not have migration ${request.to}.`,
      `Name the version that is to be the newest one afterwards. The database has ${newestFirst.join(", ") || "none"}.`,
    );
  }
  return index;
}
