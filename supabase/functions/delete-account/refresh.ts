import Stripe from "stripe";
import { applyRead } from "../_shared/apply-read.ts";
import { readBillingAccount } from "../_shared/billing-account.ts";
import { type Failure, isFailure } from "../_shared/failure.ts";
import type { RpcClient } from "../_shared/rpc.ts";
import type { StripeReader } from "../_shared/stripe-reader.ts";
import { upstreamFailure } from "../_shared/webhook-delivery.ts";

/**
 * Makes what asks Stripe before an account goes: an open checkout is closed, or somebody could pay for an account that
 * is gone, and the subscriptions are read, or one whose webhook was lost would go on taking money.
 *
 * @param stripe null without a key: such an installation has no Stripe account that could take money
 */
export function createRefresh(
  service: RpcClient,
  stripe: { client: Pick<Stripe, "checkout">; reader: StripeReader } | null,
): (userId: string) => Promise<true | Failure> {
  return async (userId) => {
    if (stripe === null) return true;
    const billing = await readBillingAccount(service, userId);
    if (isFailure(billing)) return billing;
    const { checkout, customers } = billing;
    try {
      if (checkout?.provider === "stripe") {
        await stripe.client.checkout.sessions.expire(checkout.session_id).catch(ignoreClosed);
      }
      const { stripe: customer } = customers;
      if (customer === undefined) return true;
      return await applyRead(service, () => stripe.reader.subscriptionsOf(customer));
    } catch (error) {
      return upstreamFailure("stripe", error);
    }
  };
}

/** What is closed already cannot be closed; what it led to is read next. */
function ignoreClosed(error: unknown): void {
  if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) throw error;
}
