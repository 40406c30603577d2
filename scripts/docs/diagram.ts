import type { Catalog, Table } from "./catalog.ts";

/**
 * The tables of public as a Mermaid entity diagram, which forges draw: columns with their keys, and one line
 * a foreign key.
 */
export function entityDiagram(catalog: Catalog): string {
  const tables = catalog.tables.filter(({ schema }) => schema === "public");
  const lines = catalog.references.map(
    ({ table, target, columns, optional, unique }) =>
      `  ${target} ${optional ? "|o" : "||"}--${unique ? "o|" : "o{"} ${table} : ${JSON.stringify(columns.join(", "))}`,
  );
  return ["erDiagram", ...lines, ...tables.flatMap((table) => entity(table, catalog))].join("\n");
}

function entity(table: Table, { references }: Catalog): string[] {
  const primary = keyColumns(table, "p");
  const unique = keyColumns(table, "u");
  const foreign = new Set(
    references.filter((one) => one.table === table.name).flatMap(({ columns }) => columns),
  );
  const rows = table.columns.map(({ name, type }) => {
    const keys = [
      ...(primary.has(name) ? ["PK"] : []),
      ...(foreign.has(name) ? ["FK"] : []),
      ...(unique.has(name) && !primary.has(name) && !foreign.has(name) ? ["UK"] : []),
    ];
    // Mermaid takes one word as a type.
    const word = shortType(type).replace(/[^A-Za-z0-9]+/g, "_");
    return `    ${word} ${name}${keys.length > 0 ? ` ${keys.join(", ")}` : ""}`;
  });
  return [`  ${table.name} {`, ...rows, "  }"];
}

/** The name by which a type is usually called. */
export function shortType(type: string): string {
  return type.replace("timestamp with time zone", "timestamptz");
}

/** The columns that are a key by themselves. */
function keyColumns(table: Table, kind: "p" | "u"): Set<string> {
  const columns = table.constraints
    .filter((constraint) => constraint.kind === kind)
    .map(({ definition }) => /\(([^)]+)\)/.exec(definition)?.[1] ?? "")
    .filter((list) => kind === "p" || !list.includes(","));
  return new Set(columns.flatMap((list) => list.split(", ")));
}
