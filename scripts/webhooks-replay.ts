import { parseArgs } from "node:util";
import { z } from "zod";
import { parseVariables, type Variables } from "../supabase/functions/_shared/environment.ts";
import { isFailure } from "../supabase/functions/_shared/failure.ts";
import {
  createPaypal,
  type Paypal,
  paypalEnvironmentSchema,
} from "../supabase/functions/_shared/paypal.ts";
import { paypalDelivery } from "../supabase/functions/_shared/paypal-delivery.ts";
import { callRpc, type RpcClient } from "../supabase/functions/_shared/rpc.ts";
import { createStripe, stripeEnvironmentSchema } from "../supabase/functions/_shared/stripe.ts";
import { stripeDelivery } from "../supabase/functions/_shared/stripe-delivery.ts";
import {
  createStripeReader,
  isLiveKey,
  type StripeReader,
} from "../supabase/functions/_shared/stripe-reader.ts";
import { takeDelivery } from "../supabase/functions/_shared/webhook-delivery.ts";
import { functionsVariables } from "./lib/functions-variables.ts";
import { connectAsService, directRpc } from "./lib/service-database.ts";
import { UserError } from "./lib/user-error.ts";

const usage =
  "Use npm run webhooks:replay -- [--event ID] [--provider stripe|paypal] [--dry-run] [--remote=URL] [--dir PATH].";

const eventsSchema = z.array(
  z.object({
    provider: z.enum(["stripe", "paypal"]),
    event_id: z.string(),
    type: z.string(),
    status: z.string(),
    error: z.string().nullable(),
    payload: z.unknown(),
  }),
);

type KeptEvent = z.output<typeof eventsSchema>[number];

/**
 * `npm run webhooks:replay`: finishes events that failed or were cut off, or the one that `--event` names, which may
 * also be parked. It goes the webhook's own way: what counts is what the provider says now. Ends with 1 where one
 * failed again.
 */
export async function run(args: string[]): Promise<number> {
  const options = parse(args);
  const providers = createProviders(await functionsVariables());
  if (options.remote !== undefined && providers.stripe === null) {
    throw new UserError(
      "Without STRIPE_SECRET_KEY a replay would believe old events in place of Stripe.",
      "Set it as the functions of that project have it, and run the command again.",
    );
  }
  const sql = await connectAsService(options);
  try {
    const service = directRpc(sql);
    const filter = { provider: options.provider ?? null, event_id: options.event ?? null };
    const events = await callRpc(service, "unsettled_webhook_events", filter, eventsSchema);
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

interface Providers {
  stripe: StripeReader | null;
  paypal: Paypal | null;
}

function createProviders(variables: Variables): Providers {
  const settings = parseVariables(stripeEnvironmentSchema, variables);
  const stripe = createStripe(settings);
  return {
    stripe: stripe && createStripeReader(stripe, isLiveKey(settings.STRIPE_SECRET_KEY ?? "")),
    paypal: createPaypal(parseVariables(paypalEnvironmentSchema, variables)),
  };
}

async function replayAll(
  service: RpcClient,
  events: readonly KeptEvent[],
  providers: Providers,
  dryRun: boolean,
): Promise<number> {
  let failed = 0;
  for (const event of events) {
    const outcome = dryRun
      ? `${event.status}: ${event.error ?? "cut off"}`
      : await replay(service, event, providers);
    if (outcome.startsWith("failed")) failed += 1;
    console.log(`${event.event_id}  ${event.type}  ${outcome}`);
  }
  if (dryRun) console.log("Nothing was changed: this was a dry run.");
  return failed === 0 ? 0 : 1;
}

async function replay(
  service: RpcClient,
  event: KeptEvent,
  { stripe, paypal }: Providers,
): Promise<string> {
  if (event.provider === "paypal" && paypal === null) return "failed: PayPal is not set up here";
  const delivery =
    event.provider === "stripe"
      ? stripeDelivery(event.payload, stripe)
      : paypal && paypalDelivery(event.payload, paypal);
  if (delivery === null) return "failed: the event that was kept cannot be read";
  const status = await takeDelivery(service, delivery);
  return isFailure(status) ? `failed: ${status.message}` : status;
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
