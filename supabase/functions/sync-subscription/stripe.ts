import type Stripe from "stripe";
import { sessionOutcome } from "../_shared/stripe-events.ts";
import type { StripeReader } from "../_shared/stripe-reader.ts";
import type { SyncedProvider } from "./handler.ts";

/** Stripe, as a sync reads it. */
export function syncedStripe(
  stripe: Pick<Stripe, "checkout">,
  reader: StripeReader,
): SyncedProvider {
  return {
    name: "stripe",
    subscriptions: async ({ customers }) =>
      customers.stripe ? await reader.subscriptionsOf(customers.stripe) : [],
    async checkout(sessionId) {
      const session = await stripe.checkout.sessions.retrieve(sessionId);
      return session.status === "open" ? "open" : sessionOutcome(session);
    },
  };
}
