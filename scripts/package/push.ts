import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { parseDatabaseUrl } from "../lib/database.ts";
import { listMigrations } from "../lib/migration-files.ts";
import { forbiddenStatements } from "../lib/sql-rules.ts";
import { UserError } from "../lib/user-error.ts";
import { supabase } from "../local/supabase-cli.ts";
import { changedMigrations, readLedger } from "./ledger.ts";

const usage = "Usage: npx pinebase push [--remote=postgresql://...] [--dry-run] [--yes]";

/**
 * `npx pinebase push`: `supabase db push`, onto the linked project or the database of `--remote`, once no
 * migration holds what a push refuses and Pinebase's are as they came.
 */
export async function run(args: string[]): Promise<number> {
  const { remote, flags } = parse(args);
  console.log("Checking the migrations ...");
  const findings = [
    ...(await changedMigrations(await readLedger("supabase"), "supabase")),
    ...(await forbidden()),
  ];
  if (findings.length > 0) {
    console.log(findings.join("\n"));
    throw new UserError("Nothing was pushed.", "Fix what is listed above, then push again.");
  }
  const target = remote === undefined ? "--linked" : `--remote=${remote}`;
  const { code } = await supabase(["db", "push", target, ...flags], { inherit: true });
  return code ?? 1;
}

async function forbidden(): Promise<string[]> {
  const found = (await listMigrations()).map(async ({ path }) => {
    const findings = await forbiddenStatements(await readFile(path, "utf8"));
    return findings.map(({ line, reason }) => `${path}:${line}: the statement ${reason}`);
  });
  return (await Promise.all(found)).flat();
}

function parse(args: string[]): { remote: string | undefined; flags: string[] } {
  try {
    const { values } = parseArgs({
      args,
      options: {
        remote: { type: "string" },
        "dry-run": { type: "boolean", default: false },
        yes: { type: "boolean", default: false },
      },
    });
    if (values.remote !== undefined) parseDatabaseUrl(values.remote);
    const flags = [...(values["dry-run"] ? ["--dry-run"] : []), ...(values.yes ? ["--yes"] : [])];
    return { remote: values.remote, flags };
  } catch (cause) {
    throw new UserError(cause instanceof Error ? cause.message : String(cause), usage, { cause });
  }
}
