import type Stripe from "stripe";
import { type Failure, failure } from "../_shared/failure.ts";
import { isMissingAtStripe } from "../_shared/stripe.ts";
import type { Subscription } from "./subscriptions.ts";

/** The payment providers, as far as a deletion needs them. */
export interface Billing {
  /** Ends a subscription at its provider now. Ending one that has ended already is no failure. */
  end(subscription: Subscription): Promise<true | Failure>;
}

/** The part of Stripe's client that ends subscriptions. */
export interface StripeSubscriptions {
  retrieve(id: string): Promise<Pick<Stripe.Subscription, "status">>;
  cancel(id: string): Promise<unknown>;
}

/**
 * Ends subscriptions at Stripe. Where there is no key nothing is asked: such an installation has no Stripe account
 * that could take money. PayPal knows no scheduled end: what it calls cancelled takes no money any more.
 */
export function createBilling(stripe: { subscriptions: StripeSubscriptions } | null): Billing {
  return {
    async end({ provider, provider_subscription_id: id }) {
      if (provider !== "stripe" || stripe === null || id === null) return true;
      try {
        await stripe.subscriptions.cancel(id);
        return true;
      } catch (error) {
        if (isMissingAtStripe(error) || (await hasEnded(stripe.subscriptions, id))) return true;
        return failure(
          "upstream_error",
          "Stripe did not end the subscription, and nothing was deleted. Try again later.",
          { cause: "stripe" },
        );
      }
    },
  };
}

async function hasEnded(subscriptions: StripeSubscriptions, id: string): Promise<boolean> {
  try {
    const { status } = await subscriptions.retrieve(id);
    return status === "canceled" || status === "incomplete_expired";
  } catch {
    return false;
  }
}
