import { parseArgs } from "node:util";
import { reconcile } from "../supabase/functions/_shared/billing/reconcile.ts";
import { isFailure } from "../supabase/functions/_shared/http/failure.ts";
import { requireProviders } from "./lib/billing.ts";
import { connectAsService, directRpc } from "./lib/service-database.ts";
import { UserError } from "./lib/user-error.ts";

const usage = "Use npm run billing:reconcile -- --since 40d [--remote=URL] [--dir PATH].";

/**
 * `npm run billing:reconcile`: reads every subscription, paid invoice, pack and refund since a time and applies them, as
 * if no event had been lost. Ends with 1 where something could not be read or placed.
 */
export async function run(args: string[]): Promise<number> {
  const { since, ...choice } = parse(args);
  const providers = await requireProviders(choice);
  const sql = await connectAsService(choice);
  try {
    console.log(`Reading everything since ${since.toISOString()}.`);
    const report = (line: string) => console.log(line);
    const done = await reconcile(directRpc(sql), providers, { since, report });
    if (isFailure(done)) {
      throw new UserError(
        `The database could not be asked (${done.cause ?? done.code}).`,
        "Check the database's address, and that its migrations are applied.",
      );
    }
    const { read, parked, failed, replayed } = done;
    console.log(
      `${read} read and applied, ${replayed} events replayed, ${parked} parked, ${failed} failed.`,
    );
    return parked + failed === 0 ? 0 : 1;
  } finally {
    await sql.end();
  }
}

function parse(args: string[]) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        since: { type: "string" },
        remote: { type: "string" },
        dir: { type: "string" },
      },
    });
    return { ...values, since: parseSince(values.since ?? "") };
  } catch (cause) {
    throw new UserError(cause instanceof Error ? cause.message : String(cause), usage, { cause });
  }
}

/** Reads `40d`, `12h` or a date. */
function parseSince(text: string): Date {
  const [, count, unit] = /^(\d+)([hd])$/.exec(text) ?? [];
  const ago = Number(count) * (unit === "d" ? 86_400_000 : 3_600_000);
  const time = count === undefined ? new Date(text) : new Date(Date.now() - ago);
  if (Number.isNaN(time.getTime())) {
    throw new Error("--since must be a number of days or hours, such as 40d or 12h, or a date.");
  }
  return time;
}
