import type { Providers } from "../supabase/functions/_shared/billing/provider.ts";
import {
  replayEvent,
  type StoredEvent,
  unsettledEvents,
} from "../supabase/functions/_shared/billing/reconcile.ts";
import type { RpcClient } from "../supabase/functions/_shared/supabase/rpc.ts";
import { readArguments } from "./lib/arguments.ts";
import { requireProviders } from "./lib/billing.ts";
import { directRpc, resultOf, withServiceDatabase } from "./lib/service-database.ts";

/**
 * `npm run webhooks:replay`: applies events that failed or were interrupted, or the event of `--event`, which may also be
 * parked. As in the webhook, the provider's present state counts, not the event's content. The exit code is 1 if an event
 * failed again.
 */
export async function run(args: string[]): Promise<number> {
  const options = parse(args);
  const providers = await requireProviders(options);
  return withServiceDatabase(options, async (sql) => {
    const service = directRpc(sql);
    const filter = { provider: options.provider ?? null, event_id: options.event ?? null };
    const events = resultOf(await unsettledEvents(service, filter));
    if (events.length === 0) {
      console.log("There is nothing to replay.");
      return 0;
    }
    return await replayAll(service, events, providers, options["dry-run"]);
  });
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
      ? `${event.status}: ${event.error ?? "interrupted"}`
      : await replayEvent(service, providers, event);
    if (outcome.startsWith("failed")) failed += 1;
    console.log(`${event.event_id}  ${event.type}  ${outcome}`);
  }
  if (dryRun) console.log("Nothing was changed: this was a dry run.");
  return failed === 0 || dryRun ? 0 : 1;
}

function parse(args: string[]) {
  return readArguments("webhooks-replay", {
    args,
    options: {
      event: { type: "string" },
      provider: { type: "string" },
      "dry-run": { type: "boolean", default: false },
      remote: { type: "string" },
      dir: { type: "string" },
    },
  }).values;
}
