import { supabase } from "../local/supabase-cli.ts";
import { readArguments } from "./arguments.ts";
import { parseDatabaseUrl } from "./database-url.ts";
import { UserError } from "./user-error.ts";

/**
 * Reads the arguments of a push.
 *
 * @returns the database's URL, and the flags for the CLI, which asks for confirmation itself
 * @throws UserError when an argument is wrong
 */
export function readPushArguments(command: string, args: string[]) {
  const { values } = readArguments(command, {
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
}

/**
 * Runs `supabase db push` if the checks of the migrations have found nothing.
 *
 * @param findings what the checks have found
 * @param args the arguments for the CLI
 * @throws UserError after printing the findings
 */
export async function pushIfClean(
  findings: readonly string[],
  args: readonly string[],
): Promise<number> {
  if (findings.length > 0) {
    console.log(findings.join("\n"));
    throw new UserError("Nothing was pushed.", "Fix what is listed above, then push again.");
  }
  const { code } = await supabase(["db", "push", ...args], { inherit: true });
  return code ?? 1;
}
