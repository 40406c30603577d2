import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { readCatalog, type Table } from "../../../scripts/docs/catalog.ts";
import { stack } from "../support/stack.ts";

/** The column that says whose a row is. */
const ownerOf = (table: Table) => (table.name === "users" ? "id" : "user_id");

/** The tables whose rows belong to users. */
function ofUsers(tables: readonly Table[]): Table[] {
  return tables.filter(
    (table) => table.name === "users" || table.columns.some(({ name }) => name === "user_id"),
  );
}

describe("docs/scaling.md", () => {
  it("names every unique key that does not contain its user, and no other", async () => {
    const { tables } = await readCatalog(stack.DB_URL);
    const keys = ofUsers(tables).flatMap((table) =>
      table.constraints
        .filter(({ kind }) => kind === "p" || kind === "u")
        .filter(({ definition }) => {
          const columns = /\(([^)]+)\)/.exec(definition)?.[1]?.split(", ") ?? [];
          return !columns.includes(ownerOf(table));
        })
        .map(({ name }) => name),
    );
    const text = await readFile("docs/scaling.md", "utf8");
    const section = text.slice(text.indexOf("## Distributing by user"));
    const named = [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
    expect(named.toSorted()).toEqual(keys.toSorted());
  });

  it("says of every other table where it would lie", async () => {
    const { tables } = await readCatalog(stack.DB_URL);
    const text = await readFile("docs/scaling.md", "utf8");
    const others = tables.filter((table) => !ofUsers(tables).includes(table));
    const unnamed = others.filter(({ name }) => !text.includes(`${name}\``));
    expect(unnamed.map(({ name }) => name)).toEqual([]);
  });
});
