import { reconcile } from "../supabase/functions/_shared/billing/reconcile.ts";
import { readArguments, usageError } from "./lib/arguments.ts";
import { requireProviders } from "./lib/billing.ts";
import { directRpc, resultOf, withServiceDatabase } from "./lib/service-database.ts";

/**
 * `npm run billing:reconcile`: reads every subscription, paid invoice, pack and refund since a time from the providers and
 * applies them, so that lost events no longer matter. The exit code is 1 if something could not be read or applied.
 */
export async function run(args: string[]): Promise<number> {
  const { since, ...choice } = parse(args);
  const providers = await requireProviders(choice);
  return withServiceDatabase(choice, async (sql) => {
    console.log(`Reading everything since ${since.toISOString()}.`);
    const report = (line: string) => console.log(line);
    const { read, parked, failed, replayed } = resultOf(
      await reconcile(directRpc(sql), providers, { since, report }),
    );
    console.log(
      `${read} read and applied, ${replayed} events replayed, ${parked} parked, ${failed} failed.`,
    );
    return parked + failed === 0 ? 0 : 1;
  });
}

function parse(args: string[]) {
  const { values } = readArguments("billing-reconcile", {
    args,
    options: { since: { type: "string" }, remote: { type: "string" }, dir: { type: "string" } },
  });
  return { ...values, since: parseSince(values.since ?? "") };
}

/** Reads `40d`, `12h` or a date. */
function parseSince(text: string): Date {
  const [, count, unit] = /^(\d+)([hd])$/.exec(text) ?? [];
  const ago = Number(count) * (unit === "d" ? 86_400_000 : 3_600_000);
  const time = count === undefined ? new Date(text) : new Date(Date.now() - ago);
  if (Number.isNaN(time.getTime())) {
    const rule = "--since must be a number of days or hours, such as 40d or 12h, or a date.";
    throw usageError("billing-reconcile", rule);
  }
  return time;
}
