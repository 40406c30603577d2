import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeFirstMigrations } from "./lib/first-migrations.ts";
import { listMigrations, supabaseDirectory } from "./lib/migration-files.ts";
import { destroyedBy, scriptBetween } from "./lib/migration-script.ts";
import { readOwnStatements } from "./lib/own-statements.ts";
import type { Script } from "./lib/run-script.ts";
import { differences, withBothSchemas } from "./lib/schema-difference.ts";
import { UserError } from "./lib/user-error.ts";
import { validateLater } from "./lib/validate-later.ts";

/**
 * `npm run db:diff -- NAME`: writes the migration that takes a database from what the migrations give to what the schema
 * files say, and its rollback. `--first` writes all migrations anew instead.
 */
export async function run(args: string[]): Promise<number> {
  const request = parse(args);
  if ("first" in request) {
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
    const steps = [
      await write(request.name, up.first, await scriptBetween(newSide, oldSide)),
      ...(up.second.length === 0
        ? []
        : [await write(`${request.name}_validated`, up.second, up.secondBack)]),
    ];

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
    return tell(missing, left);
  });
}

function tell(missing: readonly string[], left: readonly string[]): number {
  if (missing.length === 0 && left.length === 0) {
    console.log(
      "Both ways were tried: the migration gives the schema files, and the rollback what was there before.",
    );
    return 0;
  }
  const findings = [
    ...describe("The migration does not give what the schema files say:", missing),
    ...describe("The rollback does not give back what was there before:", left),
    "Finish the files by hand, and run npm run lint.",
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
  const file = `${await nextVersion()}_${name}.sql`;
  const destroyed = await destroyedBy(down);
  const scripts = {
    up: scriptOf("migrations", file, [
      "-- Made from supabase/schemas by `npm run db:diff`: review it before it is published.",
      ...orToDo(up),
    ]),
    down: scriptOf("rollbacks", file, [
      `-- Takes back ${name}. Destroys ${destroyed.length === 0 ? "nothing" : destroyed.join(", ")}.`,
      ...orToDo(down),
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

function orToDo(statements: readonly string[]): readonly string[] {
  return statements.length > 0
    ? statements
    : ["-- No object differs, only rows that ship: write the statements for them here."];
}

/** Now, or just after the newest migration where that is later. */
async function nextVersion(): Promise<string> {
  const now = new Date().toISOString().replace(/\D/g, "").slice(0, 14);
  const newest = (await listMigrations()).at(-1)?.version ?? "";
  return newest < now ? now : String(Number(newest) + 1);
}

function parse(args: string[]): { first: true } | { name: string } {
  const { values, positionals } = readArguments(args);
  const [name, ...more] = positionals;
  if (values.first && name === undefined) return { first: true };
  if (values.first || name === undefined || more.length > 0) {
    throw new UserError(
      "The migration needs one name.",
      "Run npm run db:diff -- NAME, as in strategy_tags.",
    );
  }
  if (!/^[a-z][a-z0-9_]*$/.test(name)) {
    throw new UserError(
      `${name} cannot be the name of a migration.`,
      "Use lower-case letters, digits and underscores, as in strategy_tags.",
    );
  }
  return { name };
}

function readArguments(args: string[]) {
  try {
    const options = { first: { type: "boolean", default: false } } as const;
    return parseArgs({ args, allowPositionals: true, options });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(message, "Run npm run db:diff -- --help.", { cause });
  }
}
