import { readFile } from "node:fs/promises";
import type { TransactionSql } from "postgres";
import postgres from "postgres";
import { UserError } from "./user-error.ts";

/** A file of SQL statements. */
export interface Script {
  path: string;
  text: string;
}

/** Reads a script. */
export async function readScript(path: string): Promise<Script> {
  return { path, text: await readFile(path, "utf8") };
}

/**
 * Runs a script inside a transaction, with the search path of a push.
 *
 * @param next the next step for the user when the script fails
 * @throws UserError with the script's file and line, and the error message of Postgres
 */
export async function runScript(
  tx: TransactionSql,
  { path, text }: Script,
  next: string,
): Promise<void> {
  // Set for each script, because the one before may have changed it.
  await tx`set local search_path = "$user", public`;
  try {
    await tx.unsafe(text).simple();
  } catch (cause) {
    if (!(cause instanceof postgres.PostgresError)) {
      throw cause;
    }
    const line = errorLine(text, cause);
    const place = line === null ? path : `${path}:${line}`;
    throw new UserError(`${place} failed: ${cause.message}`, next, { cause });
  }
}

/** The line of a script to which Postgres attributes an error, or null if it names none. */
export function errorLine(text: string, { position }: postgres.PostgresError): number | null {
  return position ? text.slice(0, Number(position) - 1).split("\n").length : null;
}
