import { parseArgs } from "node:util";
import { parseDatabaseUrl } from "./lib/database.ts";
import { checkMigrations, lintMigrations } from "./lib/lint-steps.ts";
import { UserError } from "./lib/user-error.ts";
import { supabase } from "./local/supabase-cli.ts";

const usage = "Usage: npm run db:push -- --remote=postgresql://... [--dry-run] [--yes]";

/**
 * `npm run db:push`: `supabase db push`, once every migration has a rollback, holds nothing that a push
 * refuses or must not carry, and passes Squawk. `--dry-run` and `--yes` go to the CLI, which asks
 * before it changes anything.
 */
export async function run(args: string[]): Promise<number> {
  const { remote, flags } = parse(args);
  console.log("Checking the migrations ...");
  const findings = [await checkMigrations(), await lintMigrations()].filter((text) => text !== "");
  if (findings.length > 0) {
    console.log(findings.join("\n"));
    throw new UserError("Nothing was pushed.", "Fix what is listed above, then push again.");
  }
  // Secrets of the database are its own: a push never carries one from the config file.
  const push = ["db", "push", "--skip-vault", `--remote=${remote}`, ...flags];
  const { code } = await supabase(push, { inherit: true });
  return code ?? 1;
}

function parse(args: string[]): { remote: string; flags: string[] } {
  const { values } = readArguments(args);
  if (values.remote === undefined || values.remote === "") {
    throw new UserError("No database is named: npm start pushes to its own by itself.", usage);
  }
  parseDatabaseUrl(values.remote);
  const flags = [...(values["dry-run"] ? ["--dry-run"] : []), ...(values.yes ? ["--yes"] : [])];
  return { remote: values.remote, flags };
}

function readArguments(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        remote: { type: "string" },
        "dry-run": { type: "boolean", default: false },
        yes: { type: "boolean", default: false },
      },
    });
  } catch (cause) {
    throw new UserError(cause instanceof Error ? cause.message : String(cause), usage, { cause });
  }
}
