import { readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { z } from "zod";
import { findFiles } from "../lib/find-files.ts";
import { listMigrations } from "../lib/migration-files.ts";

/** The files that a version of the package adds to a project. */
export interface Sources {
  version: string;
  /** Oldest first. */
  migrations: { file: string; up: string; down: string }[];
  /** The files of the functions, by their path below supabase/. */
  files: Map<string, string>;
  config: string;
}

/** Reads the files from the folder of a package. */
export async function readSources(root: string): Promise<Sources> {
  const manifest = z
    .object({ version: z.string() })
    .parse(JSON.parse(await readFile(join(root, "package.json"), "utf8")));
  const supabase = join(root, "supabase");
  const migrations = await Promise.all(
    (await listMigrations(supabase)).map(async ({ file, path, rollbackPath }) => ({
      file,
      up: await readFile(path, "utf8"),
      down: await readFile(rollbackPath, "utf8"),
    })),
  );
  return {
    version: manifest.version,
    migrations,
    files: await readFunctions(supabase),
    config: await readFile(join(supabase, "config.toml"), "utf8"),
  };
}

async function readFunctions(supabase: string): Promise<Map<string, string>> {
  const paths = await findFiles(join(supabase, "functions"), "");
  const wanted = paths.filter((path) => /\.(ts|json)$/.test(path));
  const entries = wanted.map(async (path) => {
    const name = relative(supabase, path).split(sep).join("/");
    return [name, await readFile(path, "utf8")] as const;
  });
  return new Map(await Promise.all(entries));
}
