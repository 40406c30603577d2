import { type Node, type ParseResult, parse, type TypeName } from "libpg-query";

/** One statement of a script. */
export interface Statement {
  node: Node;
  /** The statement itself, without its semicolon. */
  text: string;
  /** The comments and blank lines above it. */
  lead: string;
  /** The line of the script on which it begins. */
  line: number;
}

/**
 * Splits a script into its statements, by Postgres's own parser.
 *
 * @throws SqlError when the script is not valid SQL
 */
export async function splitStatements(sql: string): Promise<Statement[]> {
  if (sql.trim() === "") return [];
  const { stmts = [] }: ParseResult = await parse(sql);
  // The parser gives positions in bytes.
  const bytes = Buffer.from(sql);
  return stmts.flatMap(({ stmt, stmt_location: start = 0, stmt_len: length }) => {
    if (stmt === undefined) return [];
    const end = length === undefined ? bytes.length : start + length;
    const whole = bytes.subarray(start, end).toString();
    const lead = /^(?:\s+|--.*|\/\*[\s\S]*?\*\/)*/.exec(whole)?.[0] ?? "";
    const line = `${bytes.subarray(0, start)}${lead}`.split("\n").length;
    return [{ node: stmt, text: whole.slice(lead.length).trimEnd(), lead: lead.trim(), line }];
  });
}

/** A dotted name of the parse tree, such as `private.save_strategy`. */
export function dotted(parts: readonly Node[] | undefined): string {
  return (parts ?? []).map((part) => ("String" in part ? part.String.sval : "")).join(".");
}

/** The name of a table of the parse tree, with its schema. */
export function tableName(relation: { schemaname?: string; relname?: string } | undefined): string {
  return `${relation?.schemaname ?? "public"}.${relation?.relname}`;
}

/** A function's name with the types of its arguments, which together identify a function. */
export function signature(functionNode: { funcname?: Node[]; parameters?: Node[] }): string {
  const types = (functionNode.parameters ?? []).flatMap((node) => {
    const parameter = "FunctionParameter" in node ? node.FunctionParameter : undefined;
    const isOutput = ["FUNC_PARAM_OUT", "FUNC_PARAM_TABLE"].includes(parameter?.mode ?? "");
    return parameter === undefined || isOutput ? [] : [typeName(parameter.argType)];
  });
  return `${dotted(functionNode.funcname)}(${types.join(", ")})`;
}

/** The SQL names of types that have another name in the catalog. */
const sqlNames: Record<string, string> = {
  bool: "boolean",
  int2: "smallint",
  int4: "integer",
  int8: "bigint",
  float4: "real",
  float8: "double precision",
};

/** A type as it is written in SQL, such as `text[]`. */
function typeName(type: TypeName | undefined): string {
  const name = dotted(type?.names).replace(/^pg_catalog\./, "");
  return `${sqlNames[name] ?? name}${"[]".repeat(type?.arrayBounds?.length ?? 0)}`;
}
