import { execFile } from "node:child_process";
import { copyFile, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { withConnection } from "../local/connection.ts";
import { postgresBinaries } from "../local/postgres-binaries.ts";
import { UserError } from "./user-error.ts";

/**
 * Installs the pgTAP extension in the embedded server. Each file appears complete, and the control file last, so that
 * another server never finds a part of the extension.
 *
 * @throws UserError when the server's folder cannot be written
 */
export async function installPgtap(): Promise<void> {
  const folder = await extensionFolder();
  const unpacked = await mkdtemp(join(tmpdir(), "pinebase-pgtap-"));
  try {
    await promisify(execFile)("tar", ["-xzf", archive(), "-C", unpacked, "--strip-components=3"]);
    const control = join(unpacked, "pgtap.control");
    const version = /^default_version = '([^']+)'/m.exec(await readFile(control, "utf8"))?.[1];
    if (version === undefined) {
      throw new Error("The control file of pgTAP names no version.");
    }
    for (const file of [join(unpacked, `pgtap--${version}.sql`), control]) {
      await installFile(file, folder);
    }
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
}

/**
 * Creates the extension as a superuser, in the schema that `supabase test db` uses. A test file runs
 * `create extension if not exists pgtap`, which its own role may not do.
 *
 * @param adminUrl a superuser's URL of the database to be tested
 */
export async function createPgtap(adminUrl: string): Promise<void> {
  await withConnection(
    adminUrl,
    (sql) => sql`create extension if not exists pgtap with schema extensions`,
  );
}

async function extensionFolder(): Promise<string> {
  const { postgres: server } = await postgresBinaries();
  return join(dirname(dirname(server)), "share", "postgresql", "extension");
}

function archive(): string {
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve("@electric-sql/pglite-pgtap")), "pgtap.tar.gz");
}

async function installFile(source: string, folder: string): Promise<void> {
  const target = join(folder, basename(source));
  if (await hasSameContent(source, target)) {
    return;
  }
  // Copied under another name first: a rename within a folder is atomic, a copy is not.
  const draft = `${target}.${process.pid}`;
  try {
    await copyFile(source, draft);
    await rename(draft, target);
  } catch (cause) {
    await rm(draft, { force: true });
    throw new UserError(
      `pgTAP cannot be copied into the server's folder ${folder}.`,
      "Run npm ci as the user who runs the tests, or run the tests once as the user who ran npm ci.",
      { cause },
    );
  }
}

async function hasSameContent(source: string, target: string): Promise<boolean> {
  const present = await readFile(target).catch(() => null);
  return present?.equals(await readFile(source)) ?? false;
}
