import type { Node } from "libpg-query";
import type { Script } from "./run-script.ts";
import { dotted, type Statement, signature, splitStatements, tableName } from "./sql-statements.ts";

/** Statements as a person wrote them, by the object that they create or describe. */
export interface OwnStatements {
  /** The newest statement with this identity. */
  find(identity: string): Statement | undefined;
  /** The statements that grant or revoke on the object, whole. */
  privileges(object: string): Statement[];
}

/** Reads the statements of scripts; where two say something of one object, the later one counts. */
export async function readOwnStatements(scripts: readonly Script[]): Promise<OwnStatements> {
  const byIdentity = new Map<string, Statement>();
  const byObject = new Map<string, Statement[]>();
  for (const { text } of scripts) {
    const seen = new Set<string>();
    for (const statement of await splitStatements(text)) {
      const identity = identityOf(statement.node);
      if (identity !== undefined) byIdentity.set(identity, statement);
      for (const object of privilegeObjects(statement.node)) {
        // A later script says all of an object's privileges anew, or nothing of them.
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

/** What a statement creates or describes, so that two statements of one object have the same. */
export function identityOf(node: Node): string | undefined {
  if ("CreateFunctionStmt" in node) return `function ${signature(node.CreateFunctionStmt)}`;
  if ("CreateStmt" in node) return `table ${tableName(node.CreateStmt.relation)}`;
  if ("CreateSeqStmt" in node) return `sequence ${tableName(node.CreateSeqStmt.sequence)}`;
  if ("IndexStmt" in node) {
    return `index ${node.IndexStmt.idxname} on ${tableName(node.IndexStmt.relation)}`;
  }
  if ("CreatePolicyStmt" in node) {
    return `policy ${node.CreatePolicyStmt.policy_name} on ${tableName(node.CreatePolicyStmt.table)}`;
  }
  if ("CreateTrigStmt" in node) {
    return `trigger ${node.CreateTrigStmt.trigname} on ${tableName(node.CreateTrigStmt.relation)}`;
  }
  if ("CommentStmt" in node) return `comment on ${commented(node.CommentStmt.object)}`;
  return undefined;
}

function commented(object: Node | undefined): string {
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
