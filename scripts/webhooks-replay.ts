import { parseArgs } from "node:util";
import type { Providers } from "../supabase/functions/_shared/billing/provider.ts";
import {
  replayEvent,
  type StoredEvent,
  unsettledEvents,
} from "../supabase/functions/_shared/billing/reconcile.ts";
import { isFailure } from "../supabase/functions/_shared/http/failure.ts";
import type { RpcClient } from "../supabase/functions/_shared/supabase/rpc.ts";
import { requireProviders } from "./lib/billing.ts";
import { connectAsService, directRpc } from "./lib/service-database.ts";
import { UserError } from "./lib/user-error.ts";

const usage =
  "Use npm run webhooks:replay -- [--event ID] [--provider stripe|paypal] [--dry-run] [--remote=URL] [--dir PATH].";

/**
 * `npm run webhooks:replay`: finishes events that failed or were cut off, or the one that `--event` names, which may
 * also be parked. It goes the webhook's own way: what counts is what the provider says now. Ends with 1 where one
 * failed again.
 */
export async function run(args: string[]): Promise<number> {
  const options = parse(args);
  const providers = await requireProviders(options);
  const sql = await connectAsService(options);
  try {
    const service = directRpc(sql);
    const filter = { provider: options.provider ?? null, event_id: options.event ?? null };
    const events = await unsettledEvents(service, filter);
    if (isFailure(events)) {
      throw new UserError(
        `The events cannot be read (${events.cause ?? events.code}).`,
        "Check the database's address, and that its migrations are applied.",
      );
    }
    if (events.length === 0) {
      console.log("There is nothing to replay.");
      return 0;
    }
    return await replayAll(service, events, providers, options["dry-run"]);
  } finally {
    await sql.end();
  }
}

async function replayAll(
  service: RpcClient,
  events: readonly StoredEvent[],
  providers: Providers,
  dryRun: boolean,
): Promise<number> {
  let failed = 0;
  for (const event of events) {
    const outcome = dryRun
      ? `${event.status}: ${event.error ?? "cut off"}`
      : await replayEvent(service, providers, event);
    if (outcome.startsWith("failed")) failed += 1;
    console.log(`${event.event_id}  ${event.type}  ${outcome}`);
  }
  if (dryRun) console.log("Nothing was changed: this was a dry run.");
  return failed === 0 || dryRun ? 0 : 1;
}

function parse(args: string[]) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        event: { type: "string" },
        provider: { type: "string" },
        "dry-run": { type: "boolean", default: false },
        remote: { type: "string" },
        dir: { type: "string" },
      },
    });
    return values;
  } catch (cause) {
    throw new UserError(cause instanceof Error ? cause.message : String(cause), usage, { cause });
  }
}
