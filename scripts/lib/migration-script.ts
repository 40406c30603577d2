import type { Node } from "libpg-query";
import { supabase } from "../local/supabase-cli.ts";
import {
  droppedObjects,
  identityOf,
  type OwnStatements,
  privilegeObjects,
} from "./own-statements.ts";
import { plainSql } from "./plain-sql.ts";
import { dotted, type Statement, splitStatements, tableName } from "./sql-statements.ts";
import { UserError } from "./user-error.ts";

/** A database, and the statements of the scripts that created its schema. */
export interface Side {
  url: string;
  own: OwnStatements;
}

/**
 * The statements that turn one database's schema into another's, found by Supabase's own `db diff`. A statement that
 * creates or describes an object is taken from the scripts as it is written there, with its comments. So are the
 * privileges of new objects: hosted projects exist with and without automatic grants, and the written statements are
 * correct in both.
 */
export async function scriptBetween(from: Side, to: Side): Promise<string[]> {
  const found = await splitStatements(await databaseDiff(from.url, to.url));
  const dropped = new Set(found.flatMap(({ node }) => droppedObjects(node)));
  const isNew = (identity: string) =>
    from.own.find(identity) === undefined || dropped.has(identity);

  const created = new Set<string>();
  for (const { node } of found) {
    if ("CreateStmt" in node) created.add(tableName(node.CreateStmt.relation));
    if ("CreateSeqStmt" in node) created.add(tableName(node.CreateSeqStmt.sequence));
    if ("CreateFunctionStmt" in node && isNew(identityOf(node) ?? "")) {
      created.add(dotted(node.CreateFunctionStmt.funcname));
    }
  }

  const script: string[] = [];
  for (const { node, text } of found) {
    if (isIncludedElsewhere(node, created)) continue;
    const identity = identityOf(node);
    const written = identity === undefined ? undefined : to.own.find(identity);
    if (identity === undefined || written === undefined) {
      script.push(`${await plainSql(text)};`);
    } else {
      const create = isNew(identity) ? "create function" : "create or replace function";
      const ownText = written.text.replace(/^create (?:or replace )?function/, create);
      script.push(withLead(written, ownText));
    }
  }
  return [...script, ...privilegesOf(created, to.own)];
}

/** The tables and columns that a script drops, with the rows and values in them. */
export async function destroyedBy(script: readonly string[]): Promise<string[]> {
  const statements = await splitStatements(script.join("\n"));
  return statements.flatMap(({ node }) => {
    if (!("AlterTableStmt" in node)) {
      return droppedObjects(node).flatMap((object) => /^table (.+)/.exec(object)?.[1] ?? []);
    }
    const table = tableName(node.AlterTableStmt.relation);
    return (node.AlterTableStmt.cmds ?? []).flatMap((command) =>
      "AlterTableCmd" in command && command.AlterTableCmd.subtype === "AT_DropColumn"
        ? [`${table}.${command.AlterTableCmd.name}`]
        : [],
    );
  });
}

/** Whether a statement of the CLI is part of a statement that is taken over whole, or is not needed. */
function isIncludedElsewhere(node: Node, created: ReadonlySet<string>): boolean {
  // It switches the checks of function bodies off. The statements are in an order that passes these checks.
  if ("VariableSetStmt" in node) return true;
  if ("GrantStmt" in node) return privilegeObjects(node).every((object) => created.has(object));
  if (!("AlterTableStmt" in node) || !created.has(tableName(node.AlterTableStmt.relation)))
    return false;
  return (node.AlterTableStmt.cmds ?? []).every(
    (command) => "AlterTableCmd" in command && command.AlterTableCmd.subtype === "AT_AddConstraint",
  );
}

function withLead({ lead }: Statement, text: string): string {
  return lead === "" ? `${text};` : `${lead}\n${text};`;
}

/** The written privileges of new objects, in one block. Objects that exist already keep theirs. */
function privilegesOf(created: ReadonlySet<string>, own: OwnStatements): string[] {
  const statements = new Set<string>();
  for (const object of created) {
    for (const statement of own.privileges(object)) {
      const objects = privilegeObjects(statement.node);
      const wanted = objects.filter((name) => created.has(name));
      const text =
        wanted.length === objects.length
          ? statement.text
          : statement.text.replace(objectList, (_, kind = "") => `on ${kind}${wanted.join(", ")}`);
      statements.add(withLead(statement, text));
    }
  }
  return statements.size === 0 ? [] : [[...statements].join("\n")];
}

const objectList = /\bon\s+(function\s+|sequence\s+|table\s+)?[\w.,\s]+?(?=\s+(?:from|to)\b)/;

async function databaseDiff(from: string, to: string): Promise<string> {
  const args = ["db", "diff", "--use-pg-delta", "--from", from, "--to", to];
  const { stdout, stderr, code } = await supabase(args);
  if (code !== 0) {
    const reason = stderr.replaceAll(new URL(from).password, "****").trim();
    throw new UserError(
      `The Supabase CLI could not compare the schemas: ${reason}`,
      "Write the migration by hand.",
    );
  }
  // The CLI prints its notices first. Each line of them starts with one of these symbols.
  return stdout
    .split("\n")
    .filter((line) => !/^[│▲●◇└┌]/.test(line))
    .join("\n");
}
