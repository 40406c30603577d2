import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { listMigrations, supabaseDirectory } from "./migration-files.ts";
import { readSchemaFiles, type SchemaFile } from "./schema-files.ts";
import { dotted, type Statement, signature, splitStatements, tableName } from "./sql-statements.ts";

/** The version of the first migration; each further domain is a hundred later. */
const firstVersion = 20261122090000;

/** Stands in a rollback above what is made from the migration. What is above it is written by hand. */
const madeMark =
  "-- The rest is made by `npm run db:diff -- --first`: it drops what the migration made, the last object first.";

/**
 * Writes every migration anew from the schema files, one for each domain, with its rollback. The part of a rollback that is
 * written by hand is kept. Only for as long as no migration has been published.
 *
 * @returns the names of the migrations, in the order of a push
 */
export async function writeFirstMigrations(directory = supabaseDirectory): Promise<string[]> {
  const domains = byDomain(await readSchemaFiles(directory));
  const handWritten = await readHandWritten(directory);

  const made: { name: string; up: string; down: string }[] = [];
  for (const [domain, files] of domains) {
    const up = [
      `-- Made from supabase/schemas/${domain}/ by \`npm run db:diff -- --first\`: change it there.`,
      ...files.map(({ text }) => text.trim()),
    ];
    const down = [
      ...(handWritten.get(domain) ?? []),
      [madeMark, ...(await drops(files))].join("\n"),
    ];
    made.push({
      name: `${firstVersion + made.length * 100}_${domain}.sql`,
      up: `${up.join("\n\n")}\n`,
      down: `${down.join("\n\n")}\n`,
    });
  }

  // Only now, because a schema file that cannot be parsed must not cost what is written by hand.
  for (const { path, rollbackPath } of await listMigrations(directory)) {
    await rm(path);
    await rm(rollbackPath, { force: true });
  }
  for (const { name, up, down } of made) {
    await writeFile(join(directory, "migrations", name), up);
    await writeFile(join(directory, "rollbacks", name), down);
  }
  return made.map(({ name }) => name);
}

function byDomain(files: readonly SchemaFile[]): Map<string, SchemaFile[]> {
  const domains = new Map<string, SchemaFile[]>();
  for (const file of files) {
    domains.set(file.domain, [...(domains.get(file.domain) ?? []), file]);
  }
  return domains;
}

/** What is written by hand in the rollback of each domain. */
async function readHandWritten(directory: string): Promise<Map<string, string[]>> {
  const texts = new Map<string, string[]>();
  for (const { file, rollbackPath, hasRollback } of await listMigrations(directory)) {
    const [byHand = ""] = hasRollback ? (await readFile(rollbackPath, "utf8")).split(madeMark) : [];
    texts.set(file.replace(/^\d+_|\.sql$/g, ""), byHand.trim() === "" ? [] : [byHand.trim()]);
  }
  return texts;
}

/**
 * The statements that drop what the files create, the last object first. Rows go with their tables, and so do indexes,
 * policies and triggers; what else the files of data have done is taken back by hand.
 */
async function drops(files: readonly SchemaFile[]): Promise<string[]> {
  const objects = files.filter(({ path }) => !/[\\/]data[\\/]/.test(path));
  const statements = (await Promise.all(objects.map(({ text }) => splitStatements(text)))).flat();
  const tables = new Set<string>();
  const functionsAfterTables = new Set<string>();
  const down: string[] = [];
  for (const { node } of statements) {
    if ("CreateStmt" in node) {
      tables.add(tableName(node.CreateStmt.relation));
    } else if ("CreateFunctionStmt" in node && tables.size > 0) {
      functionsAfterTables.add(dotted(node.CreateFunctionStmt.funcname));
    }
    down.push(...dropOf(node, tables, functionsAfterTables));
  }
  return down.reverse();
}

function dropOf(
  node: Statement["node"],
  tables: ReadonlySet<string>,
  functionsAfterTables: ReadonlySet<string>,
): string[] {
  if ("CreateStmt" in node) {
    return [`drop table ${tableName(node.CreateStmt.relation)};`];
  }
  if ("CreateSeqStmt" in node) {
    return [`drop sequence ${tableName(node.CreateSeqStmt.sequence)};`];
  }
  if ("CreateFunctionStmt" in node) {
    return [`drop function ${signature(node.CreateFunctionStmt)};`];
  }
  if ("CreateSchemaStmt" in node && node.CreateSchemaStmt.if_not_exists !== true) {
    return [`drop schema ${node.CreateSchemaStmt.schemaname};`];
  }
  if ("CreatePolicyStmt" in node) {
    const table = tableName(node.CreatePolicyStmt.table);
    return tables.has(table)
      ? []
      : [`drop policy "${node.CreatePolicyStmt.policy_name}" on ${table};`];
  }
  if ("CreateTrigStmt" in node) {
    // A trigger goes with its table, unless its function is dropped before.
    const table = tableName(node.CreateTrigStmt.relation);
    return tables.has(table) && !functionsAfterTables.has(dotted(node.CreateTrigStmt.funcname))
      ? []
      : [`drop trigger ${node.CreateTrigStmt.trigname} on ${table};`];
  }
  return [];
}
