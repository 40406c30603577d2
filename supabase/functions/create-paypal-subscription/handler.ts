import { openCheckout } from "../_shared/billing/checkout.ts";
import {
  type BillingDependencies,
  createUrlEndpoint,
  requireProvider,
} from "../_shared/billing/user-endpoint.ts";
import { isFailure } from "../_shared/http/failure.ts";
import { createPaypalSubscriptionRequestSchema } from "../_shared/http/schemas.ts";

/**
 * Creates a PayPal subscription to a plan. Send the user to `url` to approve it. Nothing is paid before the function activates
 * the approved subscription.
 *
 * Errors: `email_required`, `price_not_found`, `active_subscription`, `invalid_argument` (a URL that is not on an allowed
 * origin, or a coupon that would be lost).
 */
export function createHandler(
  dependencies: BillingDependencies,
): (request: Request) => Promise<Response> {
  const { service, providers } = dependencies;
  return createUrlEndpoint(dependencies, {
    name: "create-paypal-subscription",
    schema: createPaypalSubscriptionRequestSchema,
    returnUrls: ["return_url", "cancel_url"],
    open: async (userId, body) => {
      const paypal = requireProvider(providers, "paypal");
      if (isFailure(paypal)) return paypal;
      return await openCheckout(service, paypal, providers, {
        userId,
        planType: body.plan_type,
        packType: null,
        currency: body.currency ?? null,
        locale: null,
        ignoreCoupon: body.ignore_coupon ?? false,
        successUrl: body.return_url,
        cancelUrl: body.cancel_url,
      });
    },
  });
}
