import type { Node } from "libpg-query";
import { splitStatements, tableName } from "./sql-statements.ts";

/** A script in two parts, because rows that exist are checked in a transaction of their own. */
export interface TwoParts {
  first: string[];
  second: string[];
  /** Takes the second part back. */
  secondBack: string[];
}

/**
 * Lets new checks and foreign keys of tables that exist bind new rows at once, and checks the rows that are there
 * afterwards, in a second migration. Checked at once, a large table would be locked against writes for as long.
 */
export async function validateLater(script: readonly string[]): Promise<TwoParts> {
  const parts: TwoParts = { first: [], second: [], secondBack: [] };
  for (const text of script) {
    const [statement] = await splitStatements(text);
    const constraint = statement && addedConstraint(statement.node);
    if (constraint === undefined) {
      parts.first.push(text);
      continue;
    }
    const { table, name } = constraint;
    const notValid = text.replace(/;$/, " not valid;");
    parts.first.push(notValid);
    parts.second.push(`alter table ${table} validate constraint ${name};`);
    parts.secondBack.push(`alter table ${table} drop constraint ${name};`, notValid);
  }
  return parts;
}

/** The check or foreign key that a statement adds, where it does nothing else. */
function addedConstraint(node: Node): { table: string; name: string } | undefined {
  if (!("AlterTableStmt" in node)) return undefined;
  const [command, ...others] = node.AlterTableStmt.cmds ?? [];
  if (command === undefined || others.length > 0 || !("AlterTableCmd" in command)) return undefined;
  const { subtype, def } = command.AlterTableCmd;
  if (subtype !== "AT_AddConstraint" || def === undefined || !("Constraint" in def))
    return undefined;
  const { contype, conname = "", skip_validation: skipped } = def.Constraint;
  const isChecked = contype === "CONSTR_CHECK" || contype === "CONSTR_FOREIGN";
  return isChecked && skipped !== true
    ? { table: tableName(node.AlterTableStmt.relation), name: conname }
    : undefined;
}
