import type { Node } from "libpg-query";
import { splitStatements, tableName } from "./sql-statements.ts";

/** A script in two parts: the second one checks existing rows, in another transaction. */
export interface TwoParts {
  first: string[];
  second: string[];
  /** Rolls the second part back. */
  secondBack: string[];
}

/**
 * Splits each new check or foreign key of an existing table: the first part applies it to new rows, the second one checks
 * the existing rows. In one part, a large table would be locked against writes while its rows are checked.
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

/** The check or foreign key that a statement adds, if it does nothing else. */
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
