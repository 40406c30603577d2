import { readArguments } from "./lib/arguments.ts";
import { connectAsService } from "./lib/service-database.ts";
import { sweepAll } from "./lib/sweep.ts";
import { UserError } from "./lib/user-error.ts";

/**
 * `npm run sweep`: does what time alone has made due, for a project without pg_cron that has a scheduler of another
 * kind. It works on `--remote=URL`, or else on the stack that runs here with its data in `--dir`. Ends with 1 where a
 * ledger disagrees.
 */
export async function run(args: string[]): Promise<number> {
  const options = { remote: { type: "string" }, dir: { type: "string" } } as const;
  const { values } = readArguments("sweep", { args, options });
  const sql = await connectAsService(values);
  try {
    for await (const swept of sweepAll(sql)) {
      for (const [name, value] of Object.entries(swept)) {
        console.log(
          `${name.padEnd(22)}${typeof value === "number" ? value : JSON.stringify(value)}`,
        );
      }
      if (swept.ledger_disagreements.length > 0) return 1;
    }
    return 0;
  } catch (cause) {
    throw new UserError(
      `The sweep did not finish: ${cause instanceof Error ? cause.message : String(cause)}`,
      "Check the database's address, and that its migrations are applied.",
      { cause },
    );
  } finally {
    await sql.end();
  }
}
