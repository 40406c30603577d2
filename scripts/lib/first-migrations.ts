import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { listMigrations, supabaseDirectory } from "./migration-files.ts";
import { identityOf } from "./own-statements.ts";
import { readSchemaFiles, type SchemaFile } from "./schema-files.ts";
import { dotted, type Statement, splitStatements, tableName } from "./sql-statements.ts";

/** The version of the first migration. The version of each further domain is a hundred later. */
const firstVersion = 20261122090000;

/** Separates a rollback's hand-written part above from the generated part below. */
const generatedMark =
  "-- The rest is made by `npm run db:diff -- --first`: it drops what the migration made, the last object first.";

/**
 * Writes every migration anew from the schema files, one for each domain, with its rollback. The hand-written part of a
 * rollback is kept. Only for as long as no migration has been published.
 *
 * @returns the names of the migrations, in the order of a push
 */
export async function writeFirstMigrations(): Promise<string[]> {
  const handWritten = await readHandWritten();

  const migrations: { name: string; up: string; down: string }[] = [];
  for (const [domain, files] of byDomain(await readSchemaFiles())) {
    const up = [
      `-- Made from supabase/schemas/${domain}/ by \`npm run db:diff -- --first\`: change it there.`,
      ...files.map(({ text }) => text.trim()),
    ];
    const down = [
      ...(handWritten.get(domain) ?? []),
      [generatedMark, ...(await drops(files))].join("\n"),
    ];
    migrations.push({
      name: `${firstVersion + migrations.length * 100}_${domain}.sql`,
      up: `${up.join("\n\n")}\n`,
      down: `${down.join("\n\n")}\n`,
    });
  }

  // The old files go last: a schema file that cannot be parsed must not cost the hand-written parts.
  for (const { path, rollbackPath } of await listMigrations()) {
    await rm(path);
    await rm(rollbackPath, { force: true });
  }
  for (const { name, up, down } of migrations) {
    await writeFile(join(supabaseDirectory, "migrations", name), up);
    await writeFile(join(supabaseDirectory, "rollbacks", name), down);
  }
  return migrations.map(({ name }) => name);
}

function byDomain(files: readonly SchemaFile[]): Map<string, SchemaFile[]> {
  const domains = new Map<string, SchemaFile[]>();
  for (const file of files) {
    domains.set(file.domain, [...(domains.get(file.domain) ?? []), file]);
  }
  return domains;
}

/** The hand-written part of each domain's rollback. */
async function readHandWritten(): Promise<Map<string, string[]>> {
  const texts = new Map<string, string[]>();
  for (const { file, rollbackPath, hasRollback } of await listMigrations()) {
    const [part = ""] = hasRollback
      ? (await readFile(rollbackPath, "utf8")).split(generatedMark)
      : [];
    texts.set(file.replace(/^\d+_|\.sql$/g, ""), part.trim() === "" ? [] : [part.trim()]);
  }
  return texts;
}

/**
 * The statements that drop what the files create, the last object first. Dropping a table drops its rows, indexes,
 * policies and triggers. What the data files change elsewhere is rolled back by hand.
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
    if (needsDrop(node, tables, functionsAfterTables)) down.push(`drop ${identityOf(node)};`);
  }
  return down.reverse();
}

function needsDrop(
  node: Statement["node"],
  tables: ReadonlySet<string>,
  functionsAfterTables: ReadonlySet<string>,
): boolean {
  if ("CreateSchemaStmt" in node) return node.CreateSchemaStmt.if_not_exists !== true;
  if ("CreatePolicyStmt" in node) return !tables.has(tableName(node.CreatePolicyStmt.table));
  if ("CreateTrigStmt" in node) {
    // The function is dropped before the table, and so the trigger must be dropped before the function.
    const { relation, funcname } = node.CreateTrigStmt;
    return !tables.has(tableName(relation)) || functionsAfterTables.has(dotted(funcname));
  }
  return "CreateStmt" in node || "CreateSeqStmt" in node || "CreateFunctionStmt" in node;
}
