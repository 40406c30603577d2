import { readFile } from "node:fs/promises";
import { type Node, SqlError } from "libpg-query";
import { type Statement, splitStatements } from "./sql-statements.ts";

/** A place in a script that breaks a rule. */
export interface Finding {
  line: number;
  /** Completes a sentence that begins with "The statement". */
  reason: string;
}

/** Finds the forbidden statements in script files. Each finding is one line with the file and the line number. */
export async function forbiddenIn(paths: readonly string[]): Promise<string[]> {
  const findings = paths.map(async (path) =>
    (await forbiddenStatements(await readFile(path, "utf8"))).map(
      ({ line, reason }) => `${path}:${line}: the statement ${reason}`,
    ),
  );
  return (await Promise.all(findings)).flat();
}

/**
 * Finds the statements that a migration or a rollback must not contain. Both run on hosted projects, inside a transaction
 * of the tool that runs them, and migrations are stored as text in the database. The script is read by Postgres's own
 * parser, so that strings and comments are not taken for statements; a syntax error is a finding too.
 */
export async function forbiddenStatements(sql: string): Promise<Finding[]> {
  const statements = await trySplit(sql);
  if ("reason" in statements) {
    return [statements];
  }
  const findings = statements.flatMap(({ node, line }) => {
    const reason = reasonAgainst(node);
    return reason === undefined ? [] : [{ line, reason }];
  });
  return [...findings, ...secrets(sql)].sort((a, b) => a.line - b.line);
}

async function trySplit(sql: string): Promise<Statement[] | Finding> {
  try {
    return await splitStatements(sql);
  } catch (error) {
    if (!(error instanceof SqlError)) {
      throw error;
    }
    const line = lineAt(sql.slice(0, error.sqlDetails?.cursorPosition ?? 0));
    return { line, reason: `cannot be read: ${error.message}` };
  }
}

function reasonAgainst(node: Node): string | undefined {
  if ("TransactionStmt" in node) {
    return "begins or ends a transaction, and each script runs inside one already";
  }
  if (
    isConcurrent(node) ||
    "VacuumStmt" in node ||
    "CreatedbStmt" in node ||
    "DropdbStmt" in node
  ) {
    return "cannot run inside a transaction";
  }
  if ("AlterSystemStmt" in node) {
    return "needs a superuser, which postgres is not on hosted Supabase";
  }
  const isVersioned =
    "CreateExtensionStmt" in node &&
    optionNames(node.CreateExtensionStmt.options).includes("new_version");
  return isVersioned ? "requests a version, which hosted Supabase refuses" : undefined;
}

function isConcurrent(node: Node): boolean {
  return (
    ("IndexStmt" in node && node.IndexStmt.concurrent === true) ||
    ("DropStmt" in node && node.DropStmt.concurrent === true) ||
    ("RefreshMatViewStmt" in node && node.RefreshMatViewStmt.concurrent === true) ||
    ("ReindexStmt" in node && optionNames(node.ReindexStmt.params).includes("concurrently"))
  );
}

function optionNames(options: Node[] | undefined): string[] {
  return (options ?? []).flatMap((option) =>
    "DefElem" in option ? [option.DefElem.defname ?? ""] : [],
  );
}

// Providers give their secrets these prefixes so that scanners find them.
const secretForms = [
  /\b[sr]k_(?:live|test)_\w{8,}/, // Stripe
  /\bwhsec_\w{8,}/, // Stripe's webhooks
  /\bsb_secret_\w{8,}/, // Supabase
  /\bsbp_[0-9a-f]{20,}/, // Supabase's management API
  /\bsk-[\w-]{20,}/, // language models
  /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}/, // JSON web tokens
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
];

function secrets(sql: string): Finding[] {
  return secretForms.flatMap((form) => {
    const match = form.exec(sql);
    return match === null
      ? []
      : [{ line: lineAt(sql.slice(0, match.index)), reason: "contains what looks like a secret" }];
  });
}

function lineAt(before: string): number {
  return before.split("\n").length;
}
