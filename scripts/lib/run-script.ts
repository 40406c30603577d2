import type { TransactionSql } from "postgres";
import postgres from "postgres";
import { UserError } from "./user-error.ts";

/** A file of SQL statements. */
export interface Script {
  path: string;
  text: string;
}

/**
 * Runs a script inside a transaction, with the search path of a push.
 *
 * @param next what to do where it fails
 * @throws UserError with the script's file and line, and what Postgres says
 */
export async function runScript(
  tx: TransactionSql,
  { path, text }: Script,
  next: string,
): Promise<void> {
  // A script may set it for itself, so each starts anew.
  await tx`set local search_path = "$user", public`;
  try {
    await tx.unsafe(text).simple();
  } catch (cause) {
    if (!(cause instanceof postgres.PostgresError)) {
      throw cause;
    }
    throw new UserError(`${path}${lineOf(text, cause)} failed: ${cause.message}`, next, { cause });
  }
}

function lineOf(text: string, { position }: postgres.PostgresError): string {
  return position ? `:${text.slice(0, Number(position) - 1).split("\n").length}` : "";
}
