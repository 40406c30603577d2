import { readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { parse } from "smol-toml";
import { z } from "zod";
import { findFiles } from "./find-files.ts";
import { supabaseDirectory } from "./migration-files.ts";
import type { Script } from "./run-script.ts";
import { UserError } from "./user-error.ts";

/** A file of `supabase/schemas`: one object of the schema, or rows that ship with it. */
export interface SchemaFile extends Script {
  /** The folder below `schemas` that it lies in, which is also the name of its first migration. */
  domain: string;
}

const configSchema = z.object({
  db: z.object({ migrations: z.object({ schema_paths: z.array(z.string()) }) }),
});

/**
 * Reads the schema as it is today, in the order of `schema_paths` in `supabase/config.toml`. What several patterns match is
 * taken where the first one stands, as the Supabase CLI does.
 *
 * @throws UserError when a file is in no place of the order, or a pattern matches none
 */
export async function readSchemaFiles(directory = supabaseDirectory): Promise<SchemaFile[]> {
  const present = (await findFiles(join(directory, "schemas"), ".sql")).map(
    (path) => `./${relative(directory, path).split(sep).join("/")}`,
  );
  const ordered = new Set<string>();
  for (const pattern of await readPatterns(directory)) {
    const matches = present.filter((path) => globOf(pattern).test(path));
    if (matches.length === 0) {
      throw wrongOrder(`${pattern} of schema_paths matches no file.`);
    }
    for (const path of matches) ordered.add(path);
  }
  const forgotten = present.find((path) => !ordered.has(path));
  if (forgotten !== undefined) {
    throw wrongOrder(`${forgotten} is in no place of schema_paths.`);
  }
  return Promise.all(
    [...ordered].map(async (path) => ({
      path: join(directory, path),
      domain: path.split("/")[2] ?? "",
      text: await readFile(join(directory, path), "utf8"),
    })),
  );
}

async function readPatterns(directory: string): Promise<string[]> {
  const config = configSchema.safeParse(
    parse(await readFile(join(directory, "config.toml"), "utf8")),
  );
  if (!config.success) {
    throw wrongOrder("There is no list schema_paths.");
  }
  return config.data.db.migrations.schema_paths;
}

/** `*` stands for any part of one name, as in the CLI. */
function globOf(pattern: string): RegExp {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("[^/]*")}$`);
}

function wrongOrder(message: string): UserError {
  return new UserError(message, "Correct [db.migrations] schema_paths in supabase/config.toml.");
}
