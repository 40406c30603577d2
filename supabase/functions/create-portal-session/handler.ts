import type Stripe from "stripe";
import { isRunning, readBillingAccount } from "../_shared/billing-account.ts";
import { readJson } from "../_shared/body.ts";
import { type ClaimsReader, identifyCaller } from "../_shared/caller.ts";
import type { AllowedOrigins } from "../_shared/cors.ts";
import { createEndpoint } from "../_shared/endpoint.ts";
import { failure, isFailure } from "../_shared/failure.ts";
import type { Log } from "../_shared/log.ts";
import { parseReturnUrl } from "../_shared/return-url.ts";
import type { RpcClient } from "../_shared/rpc.ts";
import { createPortalSessionRequestSchema } from "../_shared/schemas.ts";
import { upstreamFailure } from "../_shared/webhook-delivery.ts";

/** What the create-portal-session function needs from outside. */
export interface CreatePortalSessionDependencies {
  auth: ClaimsReader;
  /** Acts as the service role. */
  service: RpcClient;
  /** Null without a key. */
  stripe: Pick<Stripe, "billingPortal"> | null;
  /** Of the portal, as stripe:setup made it; null for the account's own default. */
  configuration: string | null;
  /** Where PayPal's users manage what they pay for; null where PayPal is not set up. */
  paypalPage: string | null;
  allowedOrigins: AllowedOrigins;
  log?: Log;
}

/**
 * Makes the handler of `POST /create-portal-session`: gives the page where the user changes or cancels, at the
 * provider of the subscription that runs.
 */
export function createHandler(
  dependencies: CreatePortalSessionDependencies,
): (request: Request) => Promise<Response> {
  const { auth, service, stripe, configuration, paypalPage, allowedOrigins } = dependencies;
  return createEndpoint({
    name: "create-portal-session",
    methods: ["POST"],
    allowedOrigins,
    log: dependencies.log,
    handle: async ({ request, note }) => {
      const caller = await identifyCaller(request, auth);
      if (isFailure(caller)) return caller;
      note({ user_id: caller.userId });

      const body = await readJson(request, createPortalSessionRequestSchema);
      if (isFailure(body)) return body;
      const returnUrl = parseReturnUrl(body.return_url, "return_url", allowedOrigins);
      if (isFailure(returnUrl)) return returnUrl;
      if (stripe === null && paypalPage === null) return notConfigured();

      const billing = await readBillingAccount(service, caller.userId);
      if (isFailure(billing)) return billing;
      const running = billing.subscriptions.find(
        (one) => one.provider !== "manual" && isRunning(one),
      );
      const { stripe: customer, paypal } = billing.customers;
      if (running?.provider === "paypal" || (!customer && paypal)) {
        return paypalPage === null ? notConfigured() : Response.json({ url: paypalPage });
      }
      if (!customer) {
        return failure(
          "billing_account_not_found",
          "There is nothing to manage yet: subscribe first.",
        );
      }
      if (stripe === null) return notConfigured();
      try {
        const { url } = await stripe.billingPortal.sessions.create({
          customer,
          return_url: returnUrl,
          ...(configuration ? { configuration } : {}),
        });
        return Response.json({ url });
      } catch (error) {
        return upstreamFailure("stripe", error);
      }
    },
  });
}

function notConfigured() {
  return failure("not_configured", "Payments are not set up here: set STRIPE_SECRET_KEY.");
}
