import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import type { Sql } from "postgres";
import { confirm } from "../lib/confirm.ts";
import { connect, describeDatabase } from "../lib/database.ts";
import { listMigrations, type Migration } from "../lib/migration-files.ts";
import { appliedVersions, rollBack } from "../lib/rollback.ts";
import { planRollback } from "../lib/rollback-plan.ts";
import { UserError } from "../lib/user-error.ts";
import { pushMigrations } from "../local/migrations.ts";
import { type AddPlan, planAdd } from "./add-plan.ts";
import { adoptFolder, importRows, type ReportedRow } from "./adopt/import.ts";
import { leadOwnKeys, originalTables, readersOfOriginals } from "./adopt/own-keys.ts";
import { readLedger } from "./ledger.ts";
import { packageRoot } from "./package-root.ts";
import { readSources, type Sources } from "./sources.ts";
import { namesInPublic } from "./taken-names.ts";

const usage =
  "Usage: npx pinebase adopt --remote=postgresql://... [--plan OLD=NEW] [--dry-run] [--yes] [--undo]";

const fileName = "pinebase_adopt.sql";

/**
 * `npx pinebase adopt`: for a database that was made by Pinebase's original schema. Moves its ten tables to schema
 * legacy, adds and pushes Pinebase, copies the rows and says which were refused. `--undo` takes it all back.
 */
export async function run(args: string[]): Promise<number> {
  const options = parse(args);
  const sources = await readSources(packageRoot);
  const sql = connect(options.remote);
  try {
    return await (options.undo ? undo(sql, sources, options) : adopt(sql, sources, options));
  } finally {
    await sql.end();
  }
}

async function adopt(sql: Sql, sources: Sources, options: Options): Promise<number> {
  const where = describeDatabase(options.remote);
  const place = await originalsIn(sql);
  if (place === "nowhere") {
    throw new UserError(
      `${where} has no tables of the original schema.`,
      "Run npx pinebase add: there is nothing to adopt.",
    );
  }
  const { writes, notes } = await planFiles(sources, new Date());
  for (const { path, what } of writes) console.log(`  ${path}  (${what})`);
  for (const note of notes) console.log(`  left alone: ${note}`);
  console.log(`The ten tables of ${where} go to schema legacy, and their rows are copied.`);
  if (options.dryRun) {
    console.log("Nothing was changed: this was a dry run.");
    return 0;
  }
  if (!(await confirm("Type yes to go on: ", options.yes))) {
    console.log("Nothing was changed.");
    return 1;
  }
  await write(writes);
  console.log("Pushing the migrations ...");
  await pushMigrations(options.remote, process.cwd());
  console.log("Copying the rows ...");
  const report = await importRows(sql, options.plans);
  const ours = tablesOf(sources);
  const left = [
    ...(await leadOwnKeys(sql, "legacy", "public", ours)),
    ...(await readersOfOriginals(sql)),
  ];
  print(report);
  for (const line of left) console.log(`  to check: ${line}`);
  await importSecret(sql);
  console.log("Adopted. To take it back: npx pinebase adopt --undo --remote=...");
  return report.some(({ outcome }) => outcome === "refused") ? 2 : 0;
}

async function undo(sql: Sql, sources: Sources, options: Options): Promise<number> {
  const applied = await appliedVersions(sql);
  const migrations = await listMigrations();
  const first = migrations.find(isAdoption);
  if (first === undefined || !applied.includes(first.version)) {
    console.log(`Nothing to undo: ${describeDatabase(options.remote)} was not adopted.`);
    return 0;
  }
  const last = applied.filter((version) => version >= first.version).length;
  const steps = planRollback(applied, migrations, { last });
  console.log(`${last} migrations are taken back, newest first:`);
  for (const { file } of steps) console.log(`  ${file}`);
  console.log("The original tables are as they were before; what was written since is lost.");
  if (options.dryRun) {
    console.log("Nothing was changed: this was a dry run.");
    return 0;
  }
  if (!(await confirm("Type yes to go on: ", options.yes))) {
    console.log("Nothing was changed.");
    return 1;
  }
  const ours = tablesOf(sources);
  const broken = await leadOwnKeys(sql, "public", "legacy", ours);
  try {
    await rollBack(sql, steps, applied);
  } catch (error) {
    await leadOwnKeys(sql, "legacy", "public", ours);
    throw error;
  }
  for (const line of broken) console.log(`  to check: ${line}`);
  console.log("Undone. The files in supabase/ are still there.");
  return 0;
}

/** Where the original tables are: moved already, still in public, or neither. */
async function originalsIn(sql: Sql): Promise<"legacy" | "public" | "nowhere"> {
  // key_hint tells our own api_keys from the original.
  const [found] = await sql<{ legacy: number; present: number; ours: boolean }[]>`
    select
      count(*) filter (where schemaname = 'legacy')::int as legacy,
      count(*) filter (where schemaname = 'public')::int as present,
      exists (
        select
        from information_schema.columns
        where table_schema = 'public' and table_name = 'api_keys' and column_name = 'key_hint'
      ) as ours
    from pg_tables
    where schemaname in ('legacy', 'public')
      and tablename = any (${[...originalTables]})`;
  if (found?.legacy === originalTables.length) return "legacy";
  if (found?.ours === false && found.present === originalTables.length) return "public";
  return "nowhere";
}

/** The migration that moves the tables, and Pinebase's own after it. */
async function planFiles(sources: Sources, now: Date): Promise<AddPlan> {
  if ((await listMigrations()).some(isAdoption)) return planAdd(sources, "supabase", now);
  if (Object.keys((await readLedger("supabase")).migrations).length > 0) {
    throw new UserError(
      "Pinebase was added here already, and its migrations would run before the tables are moved.",
      "Remove what supabase/pinebase.json lists, and that file, then run npx pinebase adopt again.",
    );
  }
  const adoption = {
    file: `00000000000000_${fileName}`,
    up: await readFile(join(adoptFolder, "up.sql"), "utf8"),
    down: await readFile(join(adoptFolder, "down.sql"), "utf8"),
  };
  const all = { ...sources, migrations: [adoption, ...sources.migrations] };
  return planAdd(all, "supabase", now, originalTables);
}

async function write(writes: AddPlan["writes"]): Promise<void> {
  for (const { path, text } of writes) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}

function print(report: readonly ReportedRow[]): void {
  for (const table of originalTables) {
    const rows = report.filter((row) => row.table === table);
    const count = (outcome: string) => rows.filter((row) => row.outcome === outcome).length;
    const imported = count("imported") + rows.filter(isChangedRow).length;
    console.log(`  ${table}: ${imported} imported, ${count("refused")} refused`);
  }
  for (const { table, id, outcome, reason } of report) {
    if (outcome !== "imported") console.log(`  ${outcome}: ${table} ${id}: ${reason ?? ""}`);
  }
}

// A user may be told of twice: for the row, and for the premium.
function isChangedRow({ table, outcome, reason }: ReportedRow): boolean {
  return outcome === "changed" && !(table === "users" && reason?.startsWith("Was premium"));
}

async function importSecret(sql: Sql): Promise<void> {
  const secret = process.env.LEGACY_API_KEY_SECRET;
  if (secret === undefined || secret === "") {
    console.log(
      "  api_keys: stored keys open once their secret is here: set LEGACY_API_KEY_SECRET and run this again, or call import_legacy_api_key_secret().",
    );
    return;
  }
  const [answer] = await sql<{ imported: boolean }[]>`
    select (public.import_legacy_api_key_secret(${secret}) ->> 'imported')::boolean as imported`;
  console.log(`  api_keys: their secret ${answer?.imported ? "is" : "was"} in Vault.`);
}

function tablesOf(sources: Sources): string[] {
  const names = [...namesInPublic(sources.migrations).keys()];
  return names.flatMap((name) => (name.startsWith("table ") ? [name.slice("table ".length)] : []));
}

function isAdoption({ file }: Migration): boolean {
  return file.endsWith(`_${fileName}`);
}

interface Options {
  remote: string;
  plans: Record<string, string>;
  dryRun: boolean;
  yes: boolean;
  undo: boolean;
}

function parse(args: string[]): Options {
  const { values } = readArguments(args);
  if (values.remote === undefined) throw new UserError("No database is named.", usage);
  const plans = values.plan.map((pair) => pair.split("="));
  if (plans.some((pair) => pair.length !== 2)) throw new UserError("--plan takes OLD=NEW.", usage);
  return {
    remote: values.remote,
    plans: Object.fromEntries(plans),
    dryRun: values["dry-run"],
    yes: values.yes,
    undo: values.undo,
  };
}

function readArguments(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        remote: { type: "string" },
        plan: { type: "string", multiple: true, default: [] },
        "dry-run": { type: "boolean", default: false },
        yes: { type: "boolean", default: false },
        undo: { type: "boolean", default: false },
      },
    });
  } catch (cause) {
    throw new UserError(cause instanceof Error ? cause.message : String(cause), usage, { cause });
  }
}
