import type { Node } from "libpg-query";
import { supabase } from "../local/supabase-cli.ts";
import { identityOf, type OwnStatements, privilegeObjects } from "./own-statements.ts";
import { plainSql } from "./plain-sql.ts";
import { dotted, type Statement, splitStatements, tableName, typeName } from "./sql-statements.ts";
import { UserError } from "./user-error.ts";

/** A database, and the statements of the scripts that it was made of. */
export interface Side {
  url: string;
  own: OwnStatements;
}

/**
 * The statements that make one database's schema like another's, found by Supabase's own `db diff`. What creates or
 * describes an object stands as a person wrote it, with its comments. So do the privileges of new objects: a hosted project
 * may grant a new object to the API roles by itself, and the written statements hold with and without that.
 */
export async function scriptBetween(from: Side, to: Side): Promise<string[]> {
  const found = await splitStatements(await askCli(from.url, to.url));
  const droppedFunctions = new Set(found.flatMap(({ node }) => functionsDroppedBy(node)));
  const isNew = (identity: string) =>
    from.own.find(identity) === undefined || droppedFunctions.has(identity);

  const created = new Set<string>();
  for (const { node } of found) {
    if ("CreateStmt" in node) created.add(tableName(node.CreateStmt.relation));
    if ("CreateSeqStmt" in node) created.add(tableName(node.CreateSeqStmt.sequence));
    if ("CreateFunctionStmt" in node && isNew(identityOf(node) ?? "")) {
      created.add(dotted(node.CreateFunctionStmt.funcname));
    }
  }

  const script: string[] = [];
  for (const statement of found) {
    const { node } = statement;
    if (isSaidElsewhere(node, created)) continue;
    const identity = identityOf(node);
    const written = identity === undefined ? undefined : to.own.find(identity);
    if (identity === undefined || written === undefined) {
      script.push(`${await plainSql(statement.text)};`);
    } else if ("CreateFunctionStmt" in node && !isNew(identity)) {
      script.push(
        withLead(written, written.text.replace(/^create function/, "create or replace function")),
      );
    } else {
      script.push(
        withLead(written, written.text.replace(/^create or replace function/, "create function")),
      );
    }
  }
  return [...script, ...privilegesOf(created, to.own)];
}

/** The tables and columns that a script drops, with whatever is in them. */
export async function destroyedBy(script: readonly string[]): Promise<string[]> {
  const statements = await splitStatements(script.join("\n"));
  return statements.flatMap(({ node }) => {
    if ("DropStmt" in node && node.DropStmt.removeType === "OBJECT_TABLE") {
      return (node.DropStmt.objects ?? []).map((object) =>
        "List" in object ? dotted(object.List.items) : "",
      );
    }
    if (!("AlterTableStmt" in node)) return [];
    const table = tableName(node.AlterTableStmt.relation);
    return (node.AlterTableStmt.cmds ?? []).flatMap((command) =>
      "AlterTableCmd" in command && command.AlterTableCmd.subtype === "AT_DropColumn"
        ? [`${table}.${command.AlterTableCmd.name}`]
        : [],
    );
  });
}

/** Whether a statement of the CLI is part of one that is taken over whole, or of no use. */
function isSaidElsewhere(node: Node, created: ReadonlySet<string>): boolean {
  // It lets a body name what does not exist yet. The order of the statements needs no such thing.
  if ("VariableSetStmt" in node) return true;
  if ("GrantStmt" in node) return privilegeObjects(node).every((object) => created.has(object));
  if (!("AlterTableStmt" in node) || !created.has(tableName(node.AlterTableStmt.relation)))
    return false;
  return (node.AlterTableStmt.cmds ?? []).every(
    (command) => "AlterTableCmd" in command && command.AlterTableCmd.subtype === "AT_AddConstraint",
  );
}

function functionsDroppedBy(node: Node): string[] {
  if (!("DropStmt" in node) || node.DropStmt.removeType !== "OBJECT_FUNCTION") return [];
  return (node.DropStmt.objects ?? []).flatMap((object) => {
    if (!("ObjectWithArgs" in object)) return [];
    const types = (object.ObjectWithArgs.objargs ?? []).map((type) =>
      typeName("TypeName" in type ? type.TypeName : undefined),
    );
    return [`function ${dotted(object.ObjectWithArgs.objname)}(${types.join(", ")})`];
  });
}

function withLead({ lead }: Statement, text: string): string {
  return lead === "" ? `${text};` : `${lead}\n${text};`;
}

/** The written privileges of new objects, in one block. */
function privilegesOf(created: ReadonlySet<string>, own: OwnStatements): string[] {
  const statements = new Set<string>();
  for (const object of created) {
    for (const statement of own.privileges(object)) {
      const objects = privilegeObjects(statement.node);
      const wanted = objects.filter((name) => created.has(name));
      // What exists already keeps what it has.
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

async function askCli(from: string, to: string): Promise<string> {
  const args = ["db", "diff", "--use-pg-delta", "--from", from, "--to", to];
  const { stdout, stderr, code } = await supabase(args);
  if (code !== 0) {
    const reason = stderr.replaceAll(new URL(from).password, "****").trim();
    throw new UserError(
      `The Supabase CLI could not compare the schemas: ${reason}`,
      "Write the migration by hand.",
    );
  }
  // Notices of the CLI come first, marked by symbols.
  return stdout
    .split("\n")
    .filter((line) => !/^[│▲●◇└┌]/.test(line))
    .join("\n");
}
