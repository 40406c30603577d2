import { readFile } from "node:fs/promises";
import type { Catalog, DatabaseFunction, Table } from "./catalog.ts";
import { entityDiagrams, shortType } from "./diagram.ts";
import { documentsFile, renderDocuments } from "./documents.ts";
import { errorsOfFunctions } from "./errors.ts";
import { functionsFile, renderFunctions } from "./functions.ts";
import { code, markdownTable, section } from "./markdown.ts";

/** The committed file. */
const referenceFile = "docs/schema.md";

const header = `# Schema reference

<!-- Generated from the database by npm run docs, and compared in every test run. Never edited. -->

What an app reads and calls: the tables of \`public\`, who may do what, the RPCs and the errors, read from a database that has
every migration. What is not public stands in \`supabase/schemas/\`.`;

/** The schema reference as Markdown. The same catalog gives the same text. */
export function renderReference(catalog: Catalog): string {
  const tables = catalog.tables.filter(({ schema }) => schema === "public");
  const errors = errorsOfFunctions(catalog);
  // The wrappers that the edge functions alone call say so in their comments.
  const forApps = catalog.functions.filter(
    ({ schema, comment }) => schema === "public" && !comment?.startsWith("Internal"),
  );
  const sections = [
    header,
    section(
      "Entities",
      ...entityDiagrams(catalog).map(
        ({ title, diagram }) => `### ${title}\n\n\`\`\`mermaid\n${diagram}\n\`\`\``,
      ),
    ),
    section(
      "Tables",
      "No API role holds a privilege that is not listed. A privilege decides whether a role may touch a table at all, the rules for rows which rows. " +
        "`service_role` reaches every row.",
      ...tables.map(renderTable),
    ),
    section(
      "RPCs",
      "Called by supabase-js as `rpc(name, arguments)`; an argument with a default may be left out, and null means the same. " +
        "The errors are those that the function, what it calls and the triggers of what it writes can raise; any of them can also end in " +
        "Postgres's own.",
      ...forApps.map((rpc) => renderFunction(rpc, errors)),
    ),
    section(
      "Errors",
      "SQLSTATE `PT` and the status; `details` is the identifier, `hint` null or a JSON object of facts.",
      markdownTable(
        ["identifier", "status", "meaning"],
        catalog.errors.map(({ identifier, status, meaning }) => [
          code(identifier),
          String(status),
          meaning,
        ]),
      ),
    ),
    section(
      "Storage",
      markdownTable(
        ["bucket", "public", "bytes a file", "types"],
        catalog.buckets.map(({ id, public: isPublic, limit, types }) => [
          code(id),
          isPublic ? "yes" : "no",
          limit === null ? "" : String(limit),
          (types ?? []).join(", "),
        ]),
      ),
      rowRules(catalog.storagePolicies),
    ),
    section(
      "Realtime",
      "Changes of a user's own rows are broadcast to the private topic `user:<id>`.",
      rowRules(catalog.realtimePolicies),
    ),
  ];
  return `${sections.join("\n\n")}\n`;
}

function renderTable(table: Table): string {
  const parts = [
    `### ${table.name}`,
    table.comment ?? "",
    table.realtime ? "Published for Realtime; its changes are broadcast to their user." : "",
    markdownTable(
      ["column", "type", "null", "default", ""],
      table.columns.map(({ name, type, required, default: value, comment }) => [
        code(name),
        shortType(type),
        required ? "no" : "yes",
        value === null ? "" : code(value),
        comment ?? "",
      ]),
    ),
    markdownTable(["role", "may", "columns"], grantRows(table)),
    rowRules(table.policies),
    markdownTable(
      ["check", ""],
      table.checks.map(({ name, definition }) => [code(name), code(definition)]),
    ),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
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

/** The rules for rows, each by the name of its policy. */
function rowRules(policies: readonly string[]): string {
  return policies.map((name) => `- ${name}`).join("\n");
}

function renderFunction(rpc: DatabaseFunction, errors: Map<string, string[]>): string {
  const reached = errors.get(`${rpc.schema}.${rpc.name}`) ?? [];
  const parts = [
    `### ${rpc.name}`,
    rpc.comment ?? "",
    `For ${rpc.roles.join(", ")}. Returns \`${rpc.returns}\`.`,
    markdownTable(
      ["argument", "type", ""],
      rpc.arguments.map(({ name, type, default: value }) => [
        code(name),
        shortType(type),
        value === null ? "required" : `default \`${value.replace(/::.+$/, "").toLowerCase()}\``,
      ]),
    ),
    reached.length === 0 ? "" : `Errors: ${reached.map(code).join(", ")}.`,
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

/** Every generated reference, by its file. */
export async function renderReferences(catalog: Catalog): Promise<Map<string, string>> {
  return new Map([
    [referenceFile, renderReference(catalog)],
    [functionsFile, await renderFunctions(catalog)],
    [documentsFile, renderDocuments()],
  ]);
}

/** The files that differ from what a database and the sources give. */
export async function staleReferences(catalog: Catalog): Promise<string[]> {
  const stale: string[] = [];
  for (const [file, text] of await renderReferences(catalog)) {
    if ((await readFile(file, "utf8").catch(() => null)) !== text) stale.push(file);
  }
  return stale;
}
