import { parseArgs } from "node:util";
import { writeFirstMigrations } from "./lib/first-migrations.ts";
import { UserError } from "./lib/user-error.ts";

/** `npm run db:diff`: makes migrations and rollbacks from the schema files. */
export async function run(args: string[]): Promise<number> {
  if (!parse(args).first) {
    throw new UserError("Nothing was asked for.", "Run npm run db:diff -- --first.");
  }
  const names = await writeFirstMigrations();
  console.log(`Wrote ${names.length} migrations and their rollbacks.`);
  return 0;
}

function parse(args: string[]): { first: boolean } {
  try {
    const { values } = parseArgs({ args, options: { first: { type: "boolean", default: false } } });
    return values;
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(message, "Run npm run db:diff -- --help.", { cause });
  }
}
