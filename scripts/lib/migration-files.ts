import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "./user-error.ts";

/** A migration and the place of its rollback, which has the same name in another folder. */
export interface Migration {
  /** The timestamp that the file name starts with; the order of migrations. */
  version: string;
  /** `<version>_<domain>.sql` */
  file: string;
  path: string;
  rollbackPath: string;
  hasRollback: boolean;
}

/** The default folder of the Supabase CLI. */
export const supabaseDirectory = "supabase";

/**
 * Lists the migrations of a project, oldest first.
 *
 * @throws UserError when a file name has no version, or two have the same
 */
export async function listMigrations(directory = supabaseDirectory): Promise<Migration[]> {
  const migrations = join(directory, "migrations");
  const rollbacks = join(directory, "rollbacks");
  const rollbackFiles = new Set(await sqlFiles(rollbacks));
  const list = (await sqlFiles(migrations)).map((file) => ({
    version: versionOf(file),
    file,
    path: join(migrations, file),
    rollbackPath: join(rollbacks, file),
    hasRollback: rollbackFiles.has(file),
  }));
  for (const [index, { version, file }] of list.entries()) {
    if (list[index - 1]?.version === version) {
      throw new UserError(`Two migrations have the version ${version}.`, `Rename ${file}.`);
    }
  }
  return list;
}

/** The rollbacks without a migration of the same name, which a rename leaves behind. */
export async function strayRollbacks(): Promise<string[]> {
  const files = new Set((await listMigrations()).map(({ file }) => file));
  return (await sqlFiles(join(supabaseDirectory, "rollbacks"))).filter((file) => !files.has(file));
}

/** Returns new versions, a second apart: now, or after the newest migration if that is later. */
export function versionsAfter(newest: string | undefined, now: Date): () => string {
  let time = Math.max(now.getTime(), newest === undefined ? 0 : timeOf(newest) + 1_000);
  return () => {
    const version = new Date(time).toISOString().replace(/\D/g, "").slice(0, 14);
    time += 1_000;
    return version;
  };
}

function timeOf(version: string): number {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(version)?.slice(1).map(Number) ?? [];
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

async function sqlFiles(directory: string): Promise<string[]> {
  const files = await readdir(directory).catch(() => []);
  return files.filter((file) => file.endsWith(".sql")).sort();
}

function versionOf(file: string): string {
  const version = /^(\d{14})_.+\.sql$/.exec(file)?.[1];
  if (version === undefined) {
    throw new UserError(
      `${file} is not a valid name of a migration.`,
      "Name it <YYYYMMDDHHMMSS>_<domain>.sql.",
    );
  }
  return version;
}
