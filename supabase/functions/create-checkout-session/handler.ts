import { beginCheckout } from "../_shared/begin-checkout.ts";
import { readJson } from "../_shared/body.ts";
import { type ClaimsReader, identifyCaller } from "../_shared/caller.ts";
import type { AllowedOrigins } from "../_shared/cors.ts";
import { createEndpoint } from "../_shared/endpoint.ts";
import { failure, isFailure } from "../_shared/failure.ts";
import type { Log } from "../_shared/log.ts";
import { parseReturnUrl } from "../_shared/return-url.ts";
import type { RpcClient } from "../_shared/rpc.ts";
import { createCheckoutSessionRequestSchema } from "../_shared/schemas.ts";
import type { StripeReader } from "../_shared/stripe-reader.ts";
import { type CheckoutStripe, openStripeCheckout } from "./checkout.ts";

/** What the create-checkout-session function needs from outside. */
export interface CreateCheckoutSessionDependencies {
  auth: ClaimsReader;
  /** Acts as the service role. */
  service: RpcClient;
  /** Null without a key. */
  stripe: { client: CheckoutStripe; reader: StripeReader } | null;
  /** Makes sure that the coupon of a code is at Stripe, and gives its id there. */
  mirrorCoupon(code: string): Promise<string>;
  allowedOrigins: AllowedOrigins;
  log?: Log;
}

/** Makes the handler of `POST /create-checkout-session`: gives the URL of the user's one open checkout. */
export function createHandler(
  dependencies: CreateCheckoutSessionDependencies,
): (request: Request) => Promise<Response> {
  const { auth, service, stripe, mirrorCoupon, allowedOrigins } = dependencies;
  return createEndpoint({
    name: "create-checkout-session",
    methods: ["POST"],
    allowedOrigins,
    log: dependencies.log,
    handle: async ({ request, note }) => {
      const caller = await identifyCaller(request, auth);
      if (isFailure(caller)) return caller;
      note({ user_id: caller.userId });

      const body = await readJson(request, createCheckoutSessionRequestSchema);
      if (isFailure(body)) return body;
      const successUrl = parseReturnUrl(body.success_url, "success_url", allowedOrigins);
      if (isFailure(successUrl)) return successUrl;
      const cancelUrl = parseReturnUrl(body.cancel_url, "cancel_url", allowedOrigins);
      if (isFailure(cancelUrl)) return cancelUrl;

      const { userId } = caller;
      const checkout = { userId, planType: body.plan_type, successUrl, cancelUrl };
      if (stripe === null) return await refuse(service, userId, body.plan_type);
      const url = await openStripeCheckout(
        { service, stripe: stripe.client, reader: stripe.reader, mirrorCoupon },
        checkout,
      );
      return isFailure(url) ? url : Response.json({ url });
    },
  });
}

/** Without a key there is nothing to open, but what is wrong with the request is told all the same. */
async function refuse(service: RpcClient, userId: string, planType: string) {
  const begun = await beginCheckout(service, {
    user_id: userId,
    provider: "stripe",
    plan_type: planType,
    fingerprint: "none",
  });
  return isFailure(begun)
    ? begun
    : failure("not_configured", "Payments are not set up here: set STRIPE_SECRET_KEY.");
}
