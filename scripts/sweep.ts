import { readArguments } from "./lib/arguments.ts";
import { withServiceDatabase } from "./lib/service-database.ts";
import { sweepAll } from "./lib/sweep.ts";
import { UserError } from "./lib/user-error.ts";

/**
 * `npm run sweep`: does what has become due by time, for a scheduler in a project without pg_cron. The exit code is 1 if a
 * ledger disagrees with its account.
 */
export async function run(args: string[]): Promise<number> {
  const options = { remote: { type: "string" }, dir: { type: "string" } } as const;
  const { values } = readArguments("sweep", { args, options });
  return withServiceDatabase(values, async (sql) => {
    for await (const swept of sweepAll(sql)) {
      for (const [name, value] of Object.entries(swept)) {
        console.log(
          `${name.padEnd(22)}${typeof value === "number" ? value : JSON.stringify(value)}`,
        );
      }
      if (swept.ledger_disagreements.length > 0) return 1;
    }
    return 0;
  }).catch((cause: unknown) => {
    if (cause instanceof UserError) throw cause;
    throw new UserError(
      `The sweep did not finish: ${cause instanceof Error ? cause.message : String(cause)}`,
      "Check the database's address, and that its migrations are applied.",
      { cause },
    );
  });
}
