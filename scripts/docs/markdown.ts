/** A section with its heading; empty parts are left out. */
export function section(heading: string, ...parts: (string | null)[]): string {
  return [heading, ...parts].filter(Boolean).join("\n\n");
}

/** A table; an empty text where there are no rows. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  if (rows.length === 0) return "";
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |`;
  return [line(head), `|${head.map(() => "---|").join("")}`, ...rows.map(line)].join("\n");
}

/** A text in code's type. */
export function code(text: string): string {
  return text === "" ? "" : `\`${text}\``;
}

/** A bar is escaped because it would end the cell, also inside code. */
function cell(text: string): string {
  return text.replace(/\s+/g, " ").replaceAll("|", "\\|").trim();
}
