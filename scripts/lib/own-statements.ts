import type { Node } from "libpg-query";
import type { Script } from "./run-script.ts";
import { dotted, type Statement, signature, splitStatements, tableName } from "./sql-statements.ts";

/** Statements as they are written in the scripts, by the object that they create or describe. */
export interface OwnStatements {
  /** The newest statement with this identity. */
  find(identity: string): Statement | undefined;
  /** The grants and revokes that name the object. Each may name further objects. */
  privileges(object: string): Statement[];
}

/** Reads the statements of scripts. If two scripts define one object, the later script counts. */
export async function readOwnStatements(scripts: readonly Script[]): Promise<OwnStatements> {
  const byIdentity = new Map<string, Statement>();
  const byObject = new Map<string, Statement[]>();
  for (const { text } of scripts) {
    const seen = new Set<string>();
    for (const statement of await splitStatements(text)) {
      const identity = identityOf(statement.node);
      if (identity !== undefined) byIdentity.set(identity, statement);
      for (const object of privilegeObjects(statement.node)) {
        // A script that names an object's privileges names all of them, so those of earlier scripts no longer count.
        const before = seen.has(object) ? (byObject.get(object) ?? []) : [];
        byObject.set(object, [...before, statement]);
        seen.add(object);
      }
    }
  }
  return {
    find: (identity) => byIdentity.get(identity),
    privileges: (object) => byObject.get(object) ?? [],
  };
}

/** The object that a statement creates or describes, written as after `drop` or `comment on`. */
export function identityOf(node: Node): string | undefined {
  if ("CreateSchemaStmt" in node) return `schema ${node.CreateSchemaStmt.schemaname}`;
  if ("CreateFunctionStmt" in node) return `function ${signature(node.CreateFunctionStmt)}`;
  if ("CreateStmt" in node) return `table ${tableName(node.CreateStmt.relation)}`;
  if ("CreateSeqStmt" in node) return `sequence ${tableName(node.CreateSeqStmt.sequence)}`;
  if ("IndexStmt" in node) {
    return `index ${node.IndexStmt.idxname} on ${tableName(node.IndexStmt.relation)}`;
  }
  if ("CreatePolicyStmt" in node) {
    const { policy_name, table } = node.CreatePolicyStmt;
    return `policy "${policy_name}" on ${tableName(table)}`;
  }
  if ("CreateTrigStmt" in node) {
    return `trigger ${node.CreateTrigStmt.trigname} on ${tableName(node.CreateTrigStmt.relation)}`;
  }
  if ("CommentStmt" in node) return `comment on ${namedObject(node.CommentStmt.object)}`;
  return undefined;
}

/** The tables and functions that a statement drops, as `identityOf` names them. */
export function droppedObjects(node: Node): string[] {
  if (!("DropStmt" in node)) return [];
  const { removeType, objects = [] } = node.DropStmt;
  const prefix = removeType === "OBJECT_TABLE" ? "table " : "";
  return objects.map((object) => `${prefix}${namedObject(object)}`);
}

/** An object that a comment or a drop refers to. */
function namedObject(object: Node | undefined): string {
  if (object === undefined) return "";
  if ("List" in object) return dotted(object.List.items);
  if ("ObjectWithArgs" in object) {
    const { objname, objfuncargs } = object.ObjectWithArgs;
    return `function ${signature({ funcname: objname ?? [], parameters: objfuncargs ?? [] })}`;
  }
  return "";
}

/** The objects that a grant or revoke names: tables and sequences by name, functions without their arguments. */
export function privilegeObjects(node: Node): string[] {
  if (!("GrantStmt" in node)) return [];
  return (node.GrantStmt.objects ?? []).flatMap((object) => {
    if ("RangeVar" in object) return [tableName(object.RangeVar)];
    return "ObjectWithArgs" in object ? [dotted(object.ObjectWithArgs.objname)] : [];
  });
}
