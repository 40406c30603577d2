import type { Catalog, Table } from "./catalog.ts";

/** The diagrams, each small enough to be read: their titles and tables. */
const diagrams: readonly (readonly [title: string, tables: readonly string[]])[] = [
  ["Accounts, credits and keys", ["users", "credit_transactions", "api_keys", "api_key_events"]],
  ["Indicators", ["indicators", "custom_indicators"]],
  ["Strategies", ["strategies", "strategy_components", "strategy_versions"]],
  [
    "Plans and billing",
    ["plans", "credit_packs", "prices", "subscriptions", "coupons", "user_coupons"],
  ],
];

/**
 * The tables of public as Mermaid entity diagrams, which forges draw: columns with their keys, and one line a foreign
 * key. A table of another diagram is drawn without its columns.
 *
 * @throws Error when a table stands in no diagram
 */
export function entityDiagrams(catalog: Catalog): { title: string; diagram: string }[] {
  const tables = catalog.tables.filter(({ schema }) => schema === "public");
  const placed = diagrams.flatMap(([, names]) => names);
  const lost = tables.filter(({ name }) => !placed.includes(name));
  if (lost.length > 0) {
    throw new Error(`scripts/docs/diagram.ts draws no ${lost.map(({ name }) => name).join(", ")}.`);
  }
  return diagrams.map(([title, names]) => {
    const lines = catalog.references
      .filter(({ table }) => names.includes(table))
      .map(
        ({ table, target, columns, optional, unique }) =>
          `  ${target} ${optional ? "|o" : "||"}--${unique ? "o|" : "o{"} ${table} : ${JSON.stringify(columns.join(", "))}`,
      );
    const drawn = tables.filter(({ name }) => names.includes(name));
    const entities = drawn.flatMap((table) => entity(table, catalog));
    return { title, diagram: ["erDiagram", ...lines, ...entities].join("\n") };
  });
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
