import type { Providers } from "../_shared/billing/provider.ts";
import { createWebhook } from "../_shared/billing/webhook.ts";
import type { Log } from "../_shared/http/log.ts";
import type { RpcClient } from "../_shared/supabase/rpc.ts";

/** What the stripe-webhook function needs from outside. */
export interface StripeWebhookDependencies {
  service: RpcClient;
  providers: Providers;
  /** Whether `STRIPE_WEBHOOK_SECRET` is set. */
  hasSecret: boolean;
  log?: Log;
}

/**
 * Receives events of Stripe, signed with `STRIPE_WEBHOOK_SECRET`. Register it at Stripe as
 * `https://PROJECT.supabase.co/functions/v1/stripe-webhook`.
 *
 * Errors: `invalid_signature`.
 */
export function createHandler({
  service,
  providers,
  hasSecret,
  log,
}: StripeWebhookDependencies): (request: Request) => Promise<Response> {
  const { stripe } = providers;
  return createWebhook("stripe-webhook", {
    service,
    provider: stripe && hasSecret ? stripe : null,
    missing: stripe ? "STRIPE_WEBHOOK_SECRET to the endpoint's secret" : "STRIPE_SECRET_KEY",
    providers,
    log,
  });
}
