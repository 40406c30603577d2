/** The tables and functions in schema public after a list of migrations, with the file that created each. */
export function namesInPublic(
  migrations: readonly { file: string; up: string }[],
): Map<string, string> {
  const names = new Map<string, string>();
  for (const { file, up } of migrations) {
    const sql = up.replaceAll(/--.*$/gm, "").replaceAll(/"/g, "");
    for (const match of sql.matchAll(statements)) {
      const [, verb = "", kind = "", rest = ""] = match;
      const name = `${kind.toLowerCase()} ${rest.toLowerCase()}`;
      const isRemoved = /^drop/i.test(verb) || movesAway.test(sql.slice(match.index));
      if (/^create/i.test(verb)) names.set(name, file);
      else if (isRemoved) names.delete(name);
    }
  }
  return names;
}

const statements =
  /\b(create(?:\s+or\s+replace)?|drop|alter)\s+(table|function)\s+(?:if\s+(?:not\s+)?exists\s+)?(?:public\.)?([a-z_][\w]*)\b(?!\.)/gi;

// `alter table users set schema legacy;`, `alter table users rename to people;`
const movesAway = /^alter\s[^;]*?\b(?:set\s+schema|rename\s+to)\b/i;
