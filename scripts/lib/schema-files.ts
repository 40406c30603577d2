import { readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { parse } from "smol-toml";
import { z } from "zod";
import { findFiles } from "./find-files.ts";
import { supabaseDirectory } from "./migration-files.ts";
import { readScript, type Script } from "./run-script.ts";
import { UserError } from "./user-error.ts";

/** A file of `supabase/schemas`: one object of the schema, or rows that ship with the schema. */
export interface SchemaFile extends Script {
  /** Its folder below `schemas`, which is also the name of its first migration. */
  domain: string;
}

const configSchema = z.object({
  db: z.object({ migrations: z.object({ schema_paths: z.array(z.string()) }) }),
});

/**
 * Reads the schema files in the order of `schema_paths` in `supabase/config.toml`. A file that several patterns match is
 * read at the first of them, as in the Supabase CLI.
 *
 * @throws UserError when no pattern matches a file, or a pattern matches none
 */
export async function readSchemaFiles(directory = supabaseDirectory): Promise<SchemaFile[]> {
  const present = (await findFiles(join(directory, "schemas"), ".sql")).map(
    (path) => `./${relative(directory, path).split(sep).join("/")}`,
  );
  const ordered = new Set<string>();
  for (const pattern of await readPatterns(directory)) {
    const matches = present.filter((path) => globOf(pattern).test(path));
    if (matches.length === 0) {
      throw wrongOrder(`The pattern ${pattern} of schema_paths matches no file.`);
    }
    for (const path of matches) ordered.add(path);
  }
  const unmatched = present.find((path) => !ordered.has(path));
  if (unmatched !== undefined) {
    throw wrongOrder(`No pattern of schema_paths matches ${unmatched}.`);
  }
  return Promise.all(
    [...ordered].map(async (path) => ({
      ...(await readScript(join(directory, path))),
      domain: path.split("/")[2] ?? "",
    })),
  );
}

async function readPatterns(directory: string): Promise<string[]> {
  const config = configSchema.safeParse(
    parse(await readFile(join(directory, "config.toml"), "utf8")),
  );
  if (!config.success) {
    throw wrongOrder("The list schema_paths is missing.");
  }
  return config.data.db.migrations.schema_paths;
}

/** `*` matches any part of one name, as in the CLI. */
function globOf(pattern: string): RegExp {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("[^/]*")}$`);
}

function wrongOrder(message: string): UserError {
  return new UserError(message, "Correct [db.migrations] schema_paths in supabase/config.toml.");
}
