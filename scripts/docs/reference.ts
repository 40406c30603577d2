import { readFile } from "node:fs/promises";
import type { Catalog, DatabaseFunction, Policy, Table } from "./catalog.ts";
import { entityDiagrams, shortType } from "./diagram.ts";
import { documentsFile, renderDocuments } from "./documents.ts";
import { errorsOfFunctions } from "./errors.ts";
import { functionsFile, renderFunctions } from "./functions.ts";
import { code, markdownTable, section } from "./markdown.ts";

/** The committed file. */
const referenceFile = "docs/schema.md";

const header = `# Schema reference

<!-- Generated from the database by npm run docs, and compared in every test run. Never edited. -->

What the migrations make, read from the catalogs and the comments of a database that has them all.`;

/** The schema reference as Markdown. The same catalog gives the same text. */
export function renderReference(catalog: Catalog): string {
  const tables = catalog.tables.filter(({ schema }) => schema === "public");
  const hidden = catalog.tables.filter(({ schema }) => schema === "private");
  const errors = errorsOfFunctions(catalog);
  const doors = catalog.functions.filter(({ schema }) => schema === "public");
  const forApps = doors.filter((door) => !isInternal(door));
  const internal = doors.filter(isInternal);
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
      "No API role holds a privilege that is not listed. A grant decides whether a role may touch a table at all, a policy which rows.",
      ...tables.map(renderTable),
    ),
    section(
      "RPCs",
      "Called by supabase-js as `rpc(name, arguments)`; an argument with a default may be left out, and null means the same. " +
        "The errors are those that the function, what it calls and the triggers of what it writes can raise; any of them can also end in " +
        "Postgres's own.",
      ...forApps.map((door) => renderFunction(door, errors)),
    ),
    section(
      "Doors of the edge functions",
      "Called by the edge functions alone, as `service_role`. Their shapes may change with any version.",
      functionList(internal),
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
    section("Storage", storage(catalog)),
    section(
      "Realtime",
      "Changes of a user's own rows are broadcast to the private topic `user:<id>`.",
      markdownTable(
        ["policy", "command", "roles", "rows"],
        catalog.realtimePolicies.map(policyRow),
      ),
    ),
    section(
      "Private tables",
      "In schema `private`, on which no API role has usage.",
      markdownTable(
        ["table", "holds"],
        hidden.map(({ name, comment }) => [code(name), comment ?? ""]),
      ),
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
    markdownTable(["policy", "command", "roles", "rows"], table.policies.map(policyRow)),
    markdownTable(
      ["rule", "definition"],
      [...table.constraints, ...table.indexes].map(({ name, definition }) => [
        code(name),
        code(definition.replace(/^CREATE( UNIQUE)? INDEX \S+ ON \S+ /, "index$1 ")),
      ]),
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

function policyRow({ name, command, roles, using, check }: Policy): string[] {
  // An update's new rows must fit the same condition unless it has one of its own.
  const rows =
    check === null || check === using
      ? code(using ?? "")
      : [using, check].flatMap((text) => (text === null ? [] : [code(text)])).join(", then ");
  return [name, command, roles.join(", "), rows];
}

function renderFunction(door: DatabaseFunction, errors: Map<string, string[]>): string {
  const reached = errors.get(`${door.schema}.${door.name}`) ?? [];
  const parts = [
    `### ${door.name}`,
    door.comment ?? "",
    `For ${door.roles.join(", ")}. Returns \`${door.returns}\`, ${door.volatility}.`,
    markdownTable(
      ["argument", "type", ""],
      door.arguments.map(({ name, type, default: value }) => [
        code(name),
        shortType(type),
        value === null ? "required" : `default \`${value.replace(/::.+$/, "").toLowerCase()}\``,
      ]),
    ),
    reached.length === 0 ? "" : `Errors: ${reached.map(code).join(", ")}.`,
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

function functionList(doors: readonly DatabaseFunction[]): string {
  return markdownTable(
    ["function", ""],
    doors.map((door) => [
      code(`${door.name}(${door.arguments.map(({ name }) => name).join(", ")})`),
      (door.comment ?? "").replace(/^Internal( to [^.]+)?\. /, ""),
    ]),
  );
}

/** Which doors belong to the edge functions is said in their comments. */
function isInternal({ comment }: DatabaseFunction): boolean {
  return comment?.startsWith("Internal") ?? false;
}

function storage({ buckets, storagePolicies }: Catalog): string {
  return [
    markdownTable(
      ["bucket", "public", "bytes a file", "types"],
      buckets.map(({ id, public: isPublic, limit, types }) => [
        code(id),
        isPublic ? "yes" : "no",
        limit === null ? "" : String(limit),
        (types ?? []).join(", "),
      ]),
    ),
    markdownTable(["policy", "command", "roles", "rows"], storagePolicies.map(policyRow)),
  ].join("\n\n");
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
