import { openCheckout } from "../_shared/billing/checkout.ts";
import {
  type BillingDependencies,
  createUrlEndpoint,
  requireProvider,
} from "../_shared/billing/user-endpoint.ts";
import { isFailure } from "../_shared/http/failure.ts";
import { createCheckoutSessionRequestSchema } from "../_shared/http/schemas.ts";

/** Makes the handler of `POST /create-checkout-session`: gives the URL of the user's one open checkout. */
export function createHandler(
  dependencies: BillingDependencies,
): (request: Request) => Promise<Response> {
  const { service, providers } = dependencies;
  return createUrlEndpoint(dependencies, {
    name: "create-checkout-session",
    schema: createCheckoutSessionRequestSchema,
    returnUrls: ["success_url", "cancel_url"],
    open: async (userId, body) => {
      const stripe = requireProvider(providers, "stripe");
      if (isFailure(stripe)) return stripe;
      return await openCheckout(service, stripe, providers, {
        userId,
        planType: body.plan_type ?? null,
        packType: body.pack_type ?? null,
        currency: body.currency ?? null,
        locale: body.locale ?? null,
        ignoreCoupon: false,
        successUrl: body.success_url,
        cancelUrl: body.cancel_url,
      });
    },
  });
}
