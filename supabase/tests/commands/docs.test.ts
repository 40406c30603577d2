import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { isErrorCode } from "../../functions/_shared/http/errors.ts";
import { findFiles } from "../support/programs.ts";
import {
  type Catalog,
  type DatabaseFunction,
  errorsOfFunctions,
  readCatalog,
  renderFunctions,
  renderReference,
  type Table,
} from "../support/references.ts";
import { stack } from "../support/stack.ts";

function database(functions: Record<string, string>, tables: Table[] = []): Catalog {
  return {
    tables,
    functions: Object.entries(functions).map(([name, body]) => newFunction(name, body)),
    errors: ["premium_required", "strategy_not_found"].map((identifier) => ({
      identifier,
      status: 400,
      meaning: "",
    })),
  };
}

function newFunction(qualified: string, body: string): DatabaseFunction {
  const [schema = "", name = ""] = qualified.split(".");
  const rest = { comment: null, returns: "jsonb", arguments: [], roles: [] };
  return { schema, name, body, volatility: "volatile", ...rest };
}

function newTable(name: string, triggers: Record<string, string>): Table {
  const empty = { columns: [], checks: [], policies: [], grants: [] };
  const definitions = Object.entries(triggers).map(
    ([event, name]) =>
      `CREATE TRIGGER a BEFORE ${event} ON notes FOR EACH ROW EXECUTE FUNCTION ${name}()`,
  );
  return { schema: "public", name, comment: null, triggers: definitions, ...empty };
}

const raise = (identifier: string) => `perform private.raise_error('${identifier}', 'Sorry.');`;

describe("the errors of an RPC in the schema reference", () => {
  it("are those of all functions that it calls, directly or not, even recursively", () => {
    const errors = errorsOfFunctions(
      database({
        "public.open": "select private.open()",
        "private.open": "perform private.find(1);",
        "private.find": `${raise("strategy_not_found")} perform private.open();`,
        "private.other": raise("premium_required"),
      }),
    );
    expect(errors.get("public.open")).toEqual(["strategy_not_found"]);
  });

  it("include those of the triggers that its writes fire, and of no others", () => {
    const errors = errorsOfFunctions(
      database(
        {
          "public.add": "insert into public.notes values (1)",
          "private.on_insert": raise("premium_required"),
          "private.on_delete": raise("strategy_not_found"),
        },
        [newTable("notes", { INSERT: "private.on_insert", DELETE: "private.on_delete" })],
      ),
    );
    expect(errors.get("public.add")).toEqual(["premium_required"]);
  });

  it("do not include an identifier in a comment", () => {
    const errors = errorsOfFunctions(
      database({ "public.quiet": "-- not 'premium_required'\nselect 1" }),
    );
    expect(errors.get("public.quiet")).toEqual([]);
  });
});

describe("the schema reference of this database", () => {
  it("describes every table and every function that an app may use", async () => {
    const catalog = await readCatalog(stack.DB_URL);
    const exposed = [...catalog.tables, ...catalog.functions].filter(
      ({ schema }) => schema === "public",
    );
    expect(exposed.filter(({ comment }) => comment === null).map(({ name }) => name)).toEqual([]);
    const text = renderReference(catalog);
    const missing = exposed.filter(({ name }) => !text.includes(`### ${name}\n`));
    expect(missing.filter(({ comment }) => !comment?.startsWith("Internal"))).toEqual([]);
  });

  it("shows for each column the table that its foreign key refers to", async () => {
    const { tables } = await readCatalog(stack.DB_URL);
    const versions = tables.find(({ name }) => name === "strategy_versions");
    const references = versions?.columns.map((column) => [column.name, column.references]);
    expect(references).toContainEqual(["strategy_id", "strategies"]);
    expect(references).toContainEqual(["notes", null]);
  });
});

describe("the reference of the edge functions", async () => {
  const [header = "", ...rest] = (await renderFunctions()).split(/^## /m);
  const sections = new Map(rest.map((part) => [part.split("\n")[0] ?? "", part]));

  it("shows the fields of a request with their types, bounds and comments", () => {
    const redeem = sections.get("redeem-coupon");
    expect(redeem).toContain("| `code` | string, minLength 1, maxLength 200 | Case and");
    expect(redeem).toContain("| `preview` | boolean (optional) | Whether only to show the coupon");
    expect(redeem).toContain("| `coupon.description` | string or null |");
  });

  it.each([...sections.keys()])("names every error that the sources of %s answer", async (name) => {
    const files = await findFiles(`supabase/functions/${name}`, ".ts");
    const texts = await Promise.all(files.map((file) => readFile(file, "utf8")));
    const codes = texts.flatMap((text) =>
      [...text.matchAll(/\bfailure\(\s*"(\w+)"/g)].map(([, code = ""]) => code),
    );
    const reference = `${header}${sections.get(name)}`;
    expect(codes.filter((code) => !reference.includes(`\`${code}\``))).toEqual([]);
  });

  it("names no error that is not registered", () => {
    const named = [...sections.values()].flatMap(
      (text) => text.match(/(?<=Errors: )[\s\S]+?\n\n/g) ?? [],
    );
    const codes = named.flatMap((text) => [...text.matchAll(/`(\w+)`/g)].map(([, code]) => code));
    expect(codes.length).toBeGreaterThan(20);
    expect(codes.filter((code) => !isErrorCode(code))).toEqual([]);
  });
});

describe.each(["SECURITY.md", "docs/scaling.md"])("%s", (file) => {
  it("names only tests that exist", async () => {
    const text = await readFile(file, "utf8");
    const names = text.matchAll(/`((?:database|api|functions|commands)\/[\w-]+)`/g);
    const named = [...names].map(([, name = ""]) => name);
    const files = (await findFiles("supabase/tests", "")).map((path) =>
      path.replace(/^supabase\/tests\/(.+)\.test\.(?:sql|ts)$/, "$1"),
    );
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !files.includes(name))).toEqual([]);
  });
});
