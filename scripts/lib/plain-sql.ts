import { parse } from "libpg-query";

/**
 * A statement as this repository writes SQL, where a program has written it: keywords in lower case, and names without
 * quotes. What quotes are needed for, Postgres's own parser decides: the statement must still mean the same.
 */
export async function plainSql(statement: string): Promise<string> {
  const lower = outsideOfText(statement, (code) => code.toLowerCase());
  const unquoted = lower.replace(/"([a-z_][a-z0-9_]*)"/g, "$1");
  return (await meaning(unquoted)) === (await meaning(statement)) ? unquoted : lower;
}

/** Changes what is neither a string nor a quoted name nor a comment. */
function outsideOfText(sql: string, change: (code: string) => string): string {
  const parts = sql.split(/('(?:[^']|'')*'|"(?:[^"]|"")*"|\$\w*\$[\s\S]*?\$\w*\$|--.*)/);
  return parts.map((part, index) => (index % 2 === 0 ? change(part) : part)).join("");
}

async function meaning(sql: string): Promise<string | undefined> {
  try {
    const places = new Set(["location", "stmt_location", "stmt_len", "list_start", "list_end"]);
    return JSON.stringify(await parse(sql), (key, value) => (places.has(key) ? undefined : value));
  } catch {
    return undefined;
  }
}
