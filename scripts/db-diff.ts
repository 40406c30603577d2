import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readArguments, usageError } from "./lib/arguments.ts";
import { writeFirstMigrations } from "./lib/first-migrations.ts";
import { listMigrations, supabaseDirectory, versionsAfter } from "./lib/migration-files.ts";
import { destroyedBy, scriptBetween } from "./lib/migration-script.ts";
import { readOwnStatements } from "./lib/own-statements.ts";
import type { Script } from "./lib/run-script.ts";
import { differences, withBothSchemas } from "./lib/schema-difference.ts";
import { UserError } from "./lib/user-error.ts";
import { validateLater } from "./lib/validate-later.ts";

/**
 * `npm run db:diff -- NAME`: writes the migration that leads from the schema of the migrations to the schema of the schema
 * files, and its rollback, then tries both. `--first` writes all migrations anew instead.
 */
export async function run(args: string[]): Promise<number> {
  const name = parse(args);
  if (name === null) {
    const names = await writeFirstMigrations();
    console.log(`Wrote ${names.length} migrations and their rollbacks.`);
    return 0;
  }
  return withBothSchemas(async (migrations, files) => {
    const before = await migrations.snapshot();
    const wanted = await files.snapshot();
    if (differences(["", before], ["", wanted]).length === 0) {
      console.log("The migrations and the schema files agree.");
      return 0;
    }

    const oldSide = { url: migrations.url, own: await readOwnStatements(migrations.scripts) };
    const newSide = { url: files.url, own: await readOwnStatements(files.scripts) };
    const up = await validateLater(await scriptBetween(oldSide, newSide));
    const steps = [await write(name, up.first, await scriptBetween(newSide, oldSide))];
    if (up.second.length > 0) {
      steps.push(await write(`${name}_validated`, up.second, up.secondBack));
    }

    await migrations.run(steps.map(({ up }) => up));
    const missing = differences(
      ["the migrations", await migrations.snapshot()],
      ["the schema files", wanted],
    );
    await migrations.run(steps.map(({ down }) => down).reverse());
    const left = differences(
      ["the database before", before],
      ["the database after the rollback", await migrations.snapshot()],
    );
    return report(missing, left);
  });
}

function report(missing: readonly string[], left: readonly string[]): number {
  if (missing.length === 0 && left.length === 0) {
    console.log(
      "Both were tried: the migration leads to the schema files, and the rollback restores the schema from before.",
    );
    return 0;
  }
  const findings = [
    ...describe("After the migration, the schema still differs from the schema files:", missing),
    ...describe("After the rollback, the schema still differs from the one before:", left),
    "Complete the files by hand, then run npm run lint.",
  ];
  console.log(findings.join("\n"));
  return 1;
}

function describe(heading: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [heading, ...lines.map((line) => `  ${line}`)];
}

async function write(
  name: string,
  up: readonly string[],
  down: readonly string[],
): Promise<{ up: Script; down: Script }> {
  const version = versionsAfter((await listMigrations()).at(-1)?.version, new Date())();
  const file = `${version}_${name}.sql`;
  const destroyed = await destroyedBy(down);
  const scripts = {
    up: scriptOf("migrations", file, [
      "-- Generated from supabase/schemas by `npm run db:diff`: review it before it is published.",
      ...orPlaceholder(up),
    ]),
    down: scriptOf("rollbacks", file, [
      `-- Rolls back ${name}. Destroys ${destroyed.length === 0 ? "nothing" : destroyed.join(", ")}.`,
      ...orPlaceholder(down),
    ]),
  };
  for (const { path, text } of [scripts.up, scripts.down]) {
    await writeFile(path, text);
    console.log(`Wrote ${path}.`);
  }
  return scripts;
}

function scriptOf(folder: string, file: string, parts: readonly string[]): Script {
  return { path: join(supabaseDirectory, folder, file), text: `${parts.join("\n\n")}\n` };
}

function orPlaceholder(statements: readonly string[]): readonly string[] {
  return statements.length > 0
    ? statements
    : ["-- Only rows that ship with the schema differ: write the statements for them here."];
}

/** The name of the new migration, or null for `--first`. */
function parse(args: string[]): string | null {
  const options = { first: { type: "boolean", default: false } } as const;
  const { values, positionals } = readArguments("db-diff", {
    args,
    options,
    allowPositionals: true,
  });
  const [name, ...more] = positionals;
  if (values.first && name === undefined) return null;
  if (values.first || name === undefined || more.length > 0) {
    throw usageError("db-diff", "The migration needs exactly one name.");
  }
  if (!/^[a-z][a-z0-9_]*$/.test(name)) {
    throw new UserError(
      `${name} cannot be the name of a migration.`,
      "Use lower-case letters, digits and underscores, such as strategy_tags.",
    );
  }
  return name;
}
