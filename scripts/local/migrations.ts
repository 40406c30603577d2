import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { appliedVersions } from "../lib/applied-versions.ts";
import { UserError } from "../lib/user-error.ts";
import { withConnection } from "./connection.ts";
import { projectDir } from "./paths.ts";
import { supabase } from "./supabase-cli.ts";

/** The name of a migration file, as the CLI reads it. */
const migrationName = /^(\d+)_.*\.sql$/;

/**
 * Applies the migrations that the database lacks, by the real `supabase db push`.
 *
 * @param databaseUrl as the role postgres
 * @param workdir the folder that holds `supabase/migrations`
 * @throws UserError with the CLI's message when a migration fails
 */
export async function pushMigrations(databaseUrl: string, workdir = projectDir): Promise<void> {
  const args = [
    "db",
    "push",
    `--remote=${databaseUrl}`,
    "--yes",
    "--skip-vault",
    "--workdir",
    workdir,
  ];
  const { stdout, stderr, code } = await supabase(args, { cwd: workdir });
  if (code === 0) return;

  const { password } = new URL(databaseUrl);
  const output = `${stdout}\n${stderr}`.replaceAll(password, "****").trim();
  const file = [...output.matchAll(/^Applying migration (.+?)\.\.\.$/gm)].at(-1)?.[1];
  const [error, ...where] = output.slice(output.indexOf("ERROR:")).split("\n");
  throw new UserError(
    file && error?.startsWith("ERROR:")
      ? `The migration ${file} failed and was rolled back: ${error.slice("ERROR:".length).trim()}`
      : `The migrations could not be applied: ${output.split("\n")[0]}`,
    [
      ...(file ? where.filter((line) => !line.startsWith("Try rerunning")) : output.split("\n")),
      "Fix the file in supabase/migrations and run the command again.",
    ].join("\n"),
  );
}

/** Whether `pushMigrations` would apply anything. A query is faster than the CLI. */
export async function hasPendingMigrations(
  databaseUrl: string,
  workdir = projectDir,
): Promise<boolean> {
  const local = await localVersions(workdir);
  if (local.length === 0) return false;
  const applied = await withConnection(databaseUrl, appliedVersions);
  return local.some((version) => !applied.includes(version));
}

async function localVersions(workdir: string): Promise<string[]> {
  const files = await readdir(join(workdir, "supabase", "migrations")).catch(() => []);
  return files.flatMap((file) => migrationName.exec(file)?.[1] ?? []);
}
