import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { readCatalog } from "../docs/catalog.ts";
import { staleReferences } from "../docs/reference.ts";
import { withConnection } from "../local/connection.ts";
import { supabase } from "../local/supabase-cli.ts";
import { type ChildResult, packageFile, runNodeProgram } from "./child.ts";
import { biome, databaseTypesFile, generateDatabaseTypes } from "./database-types.ts";
import { runDeno, runDenoModules } from "./deno.ts";
import { findFiles } from "./find-files.ts";
import { listMigrations, strayRollbacks } from "./migration-files.ts";
import { compareSchemas } from "./schema-difference.ts";
import { readSchemaFiles } from "./schema-files.ts";
import { forbiddenIn } from "./sql-rules.ts";

/** One linter or check of the sources. */
export interface LintStep {
  name: string;
  /** Returns the tool's findings, or an empty string. */
  run(signal?: AbortSignal): Promise<string>;
}

const denoFolders = [
  "supabase/functions",
  "supabase/tests/functions",
  "scripts/local/functions",
  "bench/deno",
];

/** The checks that only read files. */
export const sourceSteps: readonly LintStep[] = [
  {
    name: "formatting and lint (Biome)",
    run: async (signal) => findings(await biome(["ci", "--colors=off", "."], { signal })),
  },
  { name: "types (tsc)", run: (signal) => checkTypes(["--noEmit"], signal) },
  {
    name: "types of the example app (tsc)",
    run: (signal) => checkTypes(["--project", "examples/strategy-builder"], signal),
  },
  {
    name: "types of edge functions (deno check)",
    run: async (signal) =>
      findings(await runDenoModules("check", ["--quiet", ...(await denoFiles())], { signal })),
  },
  {
    name: "lint of edge functions (deno lint)",
    run: async (signal) =>
      findings(await runDeno(["lint", "--quiet", ...(await denoFiles())], { signal })),
  },
  {
    name: "unused exports, files and dependencies (knip)",
    run: async (signal) =>
      findings(await runNodeProgram("node_modules/knip/bin/knip.js", [], { signal })),
  },
  { name: "migrations (Squawk)", run: lintMigrations },
  { name: "migrations (forbidden statements, rollbacks)", run: checkMigrations },
  { name: "the migrations agree with the schema files", run: checkSchemaFiles },
  { name: "every function of private is explained", run: checkExplanations },
];

/**
 * The checks that need a database with every migration.
 *
 * @param databaseUrl as the role postgres
 */
export function databaseSteps(databaseUrl: string): LintStep[] {
  return [
    { name: "advisors (supabase db advisors)", run: () => advise(databaseUrl) },
    { name: "schema (schema-rules.sql)", run: () => checkSchema(databaseUrl) },
    {
      name: `${databaseTypesFile} is up to date`,
      run: (signal) => compareTypes(databaseUrl, signal),
    },
    {
      name: "the references in docs are up to date",
      run: async () => {
        const stale = await staleReferences(await readCatalog(databaseUrl));
        return stale.map((file) => `${file}: out of date; run npm run docs`).join("\n");
      },
    },
  ];
}

/** Squawk's findings in the migrations. */
export async function lintMigrations(signal?: AbortSignal): Promise<string> {
  const files = (await listMigrations()).map(({ path }) => path);
  const squawk = packageFile("squawk-cli", "js/bin/squawk");
  const result = await runNodeProgram(squawk, ["--config=.squawk.toml", ...files], { signal });
  return findings(result);
}

/** Finds migrations without a rollback, rollbacks without a migration, and forbidden statements in both. */
export async function checkMigrations(): Promise<string> {
  const migrations = await listMigrations();
  const missing = migrations
    .filter(({ hasRollback }) => !hasRollback)
    .map(({ path, rollbackPath }) => `${path}: has no rollback; write ${rollbackPath}`);
  const stray = (await strayRollbacks()).map(
    (file) => `supabase/rollbacks/${file}: belongs to no migration`,
  );
  const scripts = migrations.flatMap(({ path, rollbackPath, hasRollback }) =>
    hasRollback ? [path, rollbackPath] : [path],
  );
  return [...missing, ...stray, ...(await forbiddenIn(scripts))].join("\n");
}

async function checkSchemaFiles(): Promise<string> {
  const found = await compareSchemas();
  return found.length === 0 ? "" : [...found, "  run npm run db:diff -- NAME"].join("\n");
}

/** Finds functions of `private` that no comment explains: above them, by `comment on`, or that of their public wrapper. */
async function checkExplanations(): Promise<string> {
  const found = (await readSchemaFiles()).flatMap(({ path, text }) =>
    [...text.matchAll(/^(--.*\n)?create function private\.(\w+)/gm)]
      .filter(
        ([, above, name]) =>
          above === undefined &&
          !text.includes(`create function public.${name}(`) &&
          !text.includes(`comment on function private.${name}(`),
      )
      .map(([, , name]) => `${path}: write above private.${name} what it guarantees, and why`),
  );
  return found.join("\n");
}

const adviceSchema = z.array(
  z.object({ name: z.string(), level: z.string(), detail: z.string(), remediation: z.string() }),
);

async function advise(databaseUrl: string): Promise<string> {
  const args = ["db", "advisors", "--level=warn", "--output=json", `--remote=${databaseUrl}`];
  const { stdout, stderr, code } = await supabase(args);
  if (code !== 0) {
    return stderr.trim();
  }
  return adviceSchema
    .parse(JSON.parse(stdout.trim() === "" ? "[]" : stdout))
    .map(({ name, level, detail, remediation }) => `${level} ${name}: ${detail}\n  ${remediation}`)
    .join("\n");
}

const schemaRules = join(import.meta.dirname, "schema-rules.sql");

/** The rules of `schema-rules.sql` that the schema of a database breaks. */
export async function checkSchema(databaseUrl: string): Promise<string> {
  return withConnection(databaseUrl, async (sql) => {
    const found = await sql.file<{ rule: string; object: string; remedy: string }[]>(schemaRules);
    return found.map(({ rule, object, remedy }) => `${rule}: ${object}\n  ${remedy}`).join("\n");
  });
}

async function compareTypes(databaseUrl: string, signal?: AbortSignal): Promise<string> {
  const types = await generateDatabaseTypes(databaseUrl, signal);
  const present = await readFile(databaseTypesFile, "utf8").catch(() => "");
  return types === present ? "" : `${databaseTypesFile}: out of date; run npm run gen:types`;
}

async function checkTypes(args: readonly string[], signal?: AbortSignal): Promise<string> {
  return findings(await runNodeProgram(packageFile("typescript", "bin/tsc"), args, { signal }));
}

function findings({ code, output }: ChildResult): string {
  return code === 0 ? "" : output.trim() || `The program ended with code ${code}.`;
}

async function denoFiles(): Promise<string[]> {
  return (await Promise.all(denoFolders.map((folder) => findFiles(folder, ".ts")))).flat();
}
