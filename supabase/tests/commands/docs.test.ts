import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { findFiles } from "../support/programs.ts";
import {
  type Catalog,
  type DatabaseFunction,
  entityDiagrams,
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
    references: [],
    functions: Object.entries(functions).map(([name, body]) => door(name, body)),
    errors: ["premium_required", "strategy_not_found"].map((identifier) => ({
      identifier,
      status: 400,
      meaning: "",
    })),
    storagePolicies: [],
    realtimePolicies: [],
    buckets: [],
  };
}

function door(qualified: string, body: string): DatabaseFunction {
  const [schema = "", name = ""] = qualified.split(".");
  const rest = { comment: null, returns: "jsonb", arguments: [], roles: [] };
  return { schema, name, body, volatility: "volatile", ...rest };
}

function table(name: string, triggers: Table["triggers"]): Table {
  const empty = { columns: [], checks: [], policies: [], grants: [] };
  return { schema: "public", name, comment: null, realtime: false, triggers, ...empty };
}

const raise = (identifier: string) => `perform private.raise_error('${identifier}', 'Sorry.');`;

describe("the errors of an RPC in the schema reference", () => {
  it("are those of the functions behind it, however deep and round about", () => {
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

  it("are those of the triggers that its writes start, and of no others", () => {
    const triggers = [
      { function: "private.on_insert", events: ["insert"] },
      { function: "private.on_delete", events: ["delete"] },
    ];
    const errors = errorsOfFunctions(
      database(
        {
          "public.add": "insert into public.notes values (1)",
          "private.on_insert": raise("premium_required"),
          "private.on_delete": raise("strategy_not_found"),
        },
        [table("notes", triggers)],
      ),
    );
    expect(errors.get("public.add")).toEqual(["premium_required"]);
  });

  it("are not what a comment mentions", () => {
    const errors = errorsOfFunctions(
      database({ "public.quiet": "-- not 'premium_required'\nselect 1" }),
    );
    expect(errors.get("public.quiet")).toEqual([]);
  });
});

describe("the schema reference of this database", () => {
  it("tells every table and every function that an app may call, with a sentence on each", async () => {
    const catalog = await readCatalog(stack.DB_URL);
    const exposed = [...catalog.tables, ...catalog.functions].filter(
      ({ schema }) => schema === "public",
    );
    expect(exposed.filter(({ comment }) => comment === null).map(({ name }) => name)).toEqual([]);
    const text = renderReference(catalog);
    const missing = exposed.filter(({ name }) => !text.includes(`### ${name}\n`));
    expect(missing.filter(({ comment }) => !comment?.startsWith("Internal"))).toEqual([]);
  });

  it("draws a line for every foreign key between public tables", async () => {
    const catalog = await readCatalog(stack.DB_URL);
    const drawn = entityDiagrams(catalog).map(({ diagram }) => diagram);
    const lines = drawn.join("\n").match(/^ {2}\w+ (\|\||\|o)--o[{|] \w+ : "/gm) ?? [];
    expect(lines.length).toBe(catalog.references.length);
    expect(catalog.references).toContainEqual({
      table: "strategy_versions",
      target: "strategies",
      columns: ["user_id", "strategy_id"],
      optional: false,
      unique: false,
    });
  });
});

describe("the reference of the edge functions", () => {
  it("tells each function's errors: its own, and those of the RPCs that it calls", async () => {
    const text = await renderFunctions(await readCatalog(stack.DB_URL));
    const sections = new Map(text.split(/^## /m).map((part) => [part.split("\n")[0], part]));
    const redeem = sections.get("redeem-coupon") ?? "";
    expect(redeem).toContain("`coupon_exhausted` (409)");
    expect(redeem).toContain("`invalid_body` (400)");
    expect(redeem).not.toContain("api_key_not_found");
    expect(redeem).toContain("| `preview` | boolean (optional) | Whether only to show what");
    expect(redeem).toContain('invokeFunction(supabase, "redeem-coupon", {');
  });
});

describe.each(["SECURITY.md", "docs/scaling.md"])("%s", (file) => {
  it("names tests that exist", async () => {
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
