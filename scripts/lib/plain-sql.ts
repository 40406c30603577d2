import { parse } from "libpg-query";

/**
 * Formats a generated statement like the SQL of this repository: keywords in lower case, names without quotes. Quotes are
 * kept if the parser reads the statement differently without them.
 */
export async function plainSql(statement: string): Promise<string> {
  const lower = outsideLiterals(statement, (code) => code.toLowerCase());
  const unquoted = lower.replace(/"([a-z_][a-z0-9_]*)"/g, "$1");
  return (await parseTree(unquoted)) === (await parseTree(statement)) ? unquoted : lower;
}

/** Changes everything but strings, quoted names and comments. */
function outsideLiterals(sql: string, change: (code: string) => string): string {
  const parts = sql.split(/('(?:[^']|'')*'|"(?:[^"]|"")*"|\$\w*\$[\s\S]*?\$\w*\$|--.*)/);
  return parts.map((part, index) => (index % 2 === 0 ? change(part) : part)).join("");
}

async function parseTree(sql: string): Promise<string | undefined> {
  try {
    const places = new Set(["location", "stmt_location", "stmt_len", "list_start", "list_end"]);
    return JSON.stringify(await parse(sql), (key, value) => (places.has(key) ? undefined : value));
  } catch {
    return undefined;
  }
}
