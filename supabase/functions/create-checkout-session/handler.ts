import { openCheckout } from "../_shared/billing/checkout.ts";
import {
  type BillingDependencies,
  createUrlEndpoint,
  requireProvider,
} from "../_shared/billing/user-endpoint.ts";
import { isFailure } from "../_shared/http/failure.ts";
import { createCheckoutSessionRequestSchema } from "../_shared/http/schemas.ts";

/**
 * Opens a Stripe checkout for a plan or a credit pack, with the user's oldest unspent coupon. Send the user to `url`. A user
 * has one open checkout: the same request returns its URL again, another request closes it first.
 *
 * Errors: `email_required`, `price_not_found`, `active_subscription`, `invalid_argument` (a URL that is not on an allowed
 * origin, or a plan or pack that is not offered).
 */
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
