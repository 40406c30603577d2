import { limitVerification } from "../_shared/billing/limits.ts";
import type { Providers } from "../_shared/billing/provider.ts";
import { createWebhook } from "../_shared/billing/webhook.ts";
import type { Log } from "../_shared/http/log.ts";
import type { RpcClient } from "../_shared/supabase/rpc.ts";

/** What the paypal-webhook function needs from outside. */
export interface PaypalWebhookDependencies {
  service: RpcClient;
  providers: Providers;
  /** Whether `PAYPAL_WEBHOOK_ID` is set, without which no event can be verified. */
  hasWebhookId: boolean;
  log?: Log;
}

/**
 * Receives events of PayPal. PayPal is asked whether it sent the event, and then for the present state of the object that the
 * event names. Register it at PayPal as `https://PROJECT.supabase.co/functions/v1/paypal-webhook`.
 *
 * Errors: `invalid_signature`.
 */
export function createHandler({
  service,
  providers,
  hasWebhookId,
  log,
}: PaypalWebhookDependencies): (request: Request) => Promise<Response> {
  const paypal = hasWebhookId ? (providers.paypal ?? null) : null;
  return createWebhook("paypal-webhook", {
    service,
    provider: paypal,
    missing: "PAYPAL_CLIENT_ID, PAYPAL_CLIENT_SECRET and PAYPAL_WEBHOOK_ID",
    providers,
    ...(paypal ? { verify: limitVerification(service, paypal.verify) } : {}),
    log,
  });
}
