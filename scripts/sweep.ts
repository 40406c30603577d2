import { parseArgs } from "node:util";
import { z } from "zod";
import { isFailure } from "../supabase/functions/_shared/http/failure.ts";
import { callRpc } from "../supabase/functions/_shared/supabase/rpc.ts";
import { connectAsService, directRpc } from "./lib/service-database.ts";
import { UserError } from "./lib/user-error.ts";

const sweptSchema = z.looseObject({
  months_granted: z.number(),
  ledger_disagreements: z.array(z.unknown()),
});

/** So many months a sweep grants at most; after fewer, nothing is left that is due. */
const fullBatch = 20;

/**
 * `npm run sweep`: does what time has made due. For a scheduler of one's own where the project has no pg_cron.
 * `--remote=URL`, or else the stack that runs here, whose folder `--dir` names. Ends with 1 where a ledger disagrees.
 */
export async function run(args: string[]): Promise<number> {
  const { remote, dir } = parse(args);
  const sql = await connectAsService({ remote, dir });
  try {
    for (;;) {
      const swept = await callRpc(directRpc(sql), "sweep", {}, sweptSchema);
      if (isFailure(swept)) {
        throw new UserError(
          `The sweep did not finish (${swept.cause ?? swept.code}).`,
          "Check the database's address, and that its migrations are applied.",
        );
      }
      for (const [name, value] of Object.entries(swept)) {
        console.log(
          `${name.padEnd(22)}${typeof value === "number" ? value : JSON.stringify(value)}`,
        );
      }
      if (swept.ledger_disagreements.length > 0) return 1;
      if (swept.months_granted < fullBatch) return 0;
    }
  } finally {
    await sql.end();
  }
}

function parse(args: string[]) {
  try {
    const options = { remote: { type: "string" }, dir: { type: "string" } } as const;
    return parseArgs({ args, options }).values;
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(message, "Use npm run sweep -- [--remote=URL] [--dir PATH].", { cause });
  }
}
