import type { Catalog } from "./catalog.ts";

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
 * The tables of public as Mermaid entity diagrams, which forges draw: one line a foreign key. The columns stand in the
 * tables' own sections.
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
    return {
      title,
      diagram: ["erDiagram", ...names.map((name) => `  ${name}`), ...lines].join("\n"),
    };
  });
}

/** The name by which a type is usually called. */
export function shortType(type: string): string {
  return type.replace("timestamp with time zone", "timestamptz");
}
