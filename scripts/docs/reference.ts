import { readFile } from "node:fs/promises";
import { rpcAnswerSchemas } from "../../types/rpcs.ts";
import type { Catalog, DatabaseFunction, Table } from "./catalog.ts";
import { renderDocuments } from "./documents.ts";
import { errorsOfFunctions } from "./errors.ts";
import { answerType } from "./fields.ts";
import { renderFunctions } from "./functions.ts";
import { code, markdownTable, section } from "./markdown.ts";

const header = `# Schema reference

<!-- Generated from the database by npm run docs, and compared in every test run. Never edited. -->

What an app reads and calls: the tables of \`public\` and who may do what with them, the RPCs and the errors. Everything else
is in \`supabase/schemas/\`.`;

/** The schema reference as Markdown. */
export function renderReference(catalog: Catalog): string {
  const tables = catalog.tables.filter(({ schema }) => schema === "public");
  const errors = errorsOfFunctions(catalog);
  // The comment of a wrapper that only the edge functions call begins with this word.
  const rpcs = catalog.functions.filter(
    ({ schema, comment }) => schema === "public" && !comment?.startsWith("Internal"),
  );
  const sections = [
    header,
    section(
      "## Tables",
      "A role has the privileges listed here and no others. A privilege decides whether a role may touch a table at all; the sentences below it decide which rows. " +
        "`service_role` reaches every row.",
      ...tables.map(renderTable),
    ),
    section(
      "## RPCs",
      "Called by supabase-js as `rpc(name, arguments)`. An argument with a default may be left out; null means the same. " +
        "The errors of the RPCs that users call are those that the function, the functions it calls and the triggers of the tables it writes can raise. " +
        "Any call can also end in an error of Postgres itself.",
      ...rpcs.map((rpc) => renderFunction(rpc, errors.get(`public.${rpc.name}`) ?? [])),
    ),
    section(
      "## Errors",
      "The SQLSTATE is `PT` and the status, `details` is the identifier, `hint` is null or a JSON object of facts.",
      markdownTable(
        ["identifier", "status", "meaning"],
        catalog.errors.map(({ identifier, status, meaning }) => [
          code(identifier),
          String(status),
          meaning,
        ]),
      ),
    ),
  ];
  return `${sections.join("\n\n")}\n`;
}

function renderTable(table: Table): string {
  return section(
    `### ${table.name}`,
    table.comment,
    markdownTable(
      ["column", "type", "null", "default", "references", ""],
      table.columns.map((column) => [
        code(column.name),
        shortType(column.type),
        column.required ? "no" : "yes",
        code(column.default ?? ""),
        code(column.references ?? ""),
        column.comment ?? "",
      ]),
    ),
    markdownTable(["role", "may", "columns"], grantRows(table)),
    table.policies.map((name) => `- ${name}`).join("\n"),
    markdownTable(
      ["check", ""],
      table.checks.map(({ name, definition }) => [code(name), code(definition)]),
    ),
  );
}

/** One row for the privileges that a role holds on the same columns. */
function grantRows(table: Table): string[][] {
  const rows = new Map<string, [role: string, privileges: string[], columns: string]>();
  for (const { role, privilege, columns } of table.grants) {
    const list = columns === null ? "all" : columns.map(code).join(", ");
    const row = rows.get(`${role} ${list}`) ?? [role, [], list];
    row[1].push(privilege);
    rows.set(`${role} ${list}`, row);
  }
  return [...rows.values()].map(([role, privileges, list]) => [role, privileges.join(", "), list]);
}

function renderFunction(rpc: DatabaseFunction, errors: readonly string[]): string {
  const isForUsers = rpc.roles.includes("authenticated");
  const answer = Object.entries(rpcAnswerSchemas).find(([name]) => name === rpc.name)?.[1];
  return section(
    `### ${rpc.name}`,
    rpc.comment,
    `For ${rpc.roles.join(", ")}. Returns ${answer ? answerType(answer) : code(rpc.returns)}.`,
    markdownTable(
      ["argument", "type", ""],
      rpc.arguments.map(({ name, type, default: value }) => [
        code(name),
        shortType(type),
        value === null ? "required" : `default \`${value.replace(/::.+$/, "").toLowerCase()}\``,
      ]),
    ),
    isForUsers && errors.length > 0 ? `Errors: ${errors.map(code).join(", ")}.` : "",
  );
}

/** The name by which a type is usually called. */
function shortType(type: string): string {
  return type.replace("timestamp with time zone", "timestamptz");
}

/** Every generated reference, by its file. */
export async function renderReferences(catalog: Catalog): Promise<Map<string, string>> {
  return new Map([
    ["docs/schema.md", renderReference(catalog)],
    ["docs/functions.md", await renderFunctions()],
    ["docs/documents.md", renderDocuments()],
  ]);
}

/** The committed files that differ from what the database and the sources give. */
export async function staleReferences(catalog: Catalog): Promise<string[]> {
  const stale: string[] = [];
  for (const [file, text] of await renderReferences(catalog)) {
    if ((await readFile(file, "utf8").catch(() => null)) !== text) stale.push(file);
  }
  return stale;
}
