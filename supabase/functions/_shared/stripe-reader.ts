import type Stripe from "stripe";
import type { Snapshot } from "./snapshot.ts";
import { isMissingAtStripe } from "./stripe.ts";
import { chargeSchema, subscriptionSchema } from "./stripe-objects.ts";
import { stripeSnapshot } from "./stripe-snapshot.ts";

/** Reads what Stripe knows now. Each function throws where Stripe does not answer, or not as documented. */
export interface StripeReader {
  /** Whether the key is of the live mode. */
  livemode: boolean;
  /** Null where there is no such subscription. */
  subscription(id: string): Promise<Snapshot | null>;
  /** All that a customer has had. */
  subscriptionsOf(customerId: string): Promise<Snapshot[]>;
  /** Null where there is no such charge, or nobody's. */
  customerOfCharge(id: string): Promise<string | null>;
}

/** Whether a secret or restricted key is of the live mode: its prefix says so. */
export function isLiveKey(secretKey: string): boolean {
  return /^[a-z]+_live_/.test(secretKey);
}

/** Reads by Stripe's client, which asks for the API version that it was made for. */
export function createStripeReader(
  stripe: Pick<Stripe, "subscriptions" | "charges">,
  livemode: boolean,
): StripeReader {
  return {
    livemode,
    subscription: (id) =>
      orNull(async () => {
        const found = await stripe.subscriptions.retrieve(id, { expand: ["latest_invoice"] });
        return stripeSnapshot(subscriptionSchema.parse(found));
      }),
    async subscriptionsOf(customer) {
      const expand = ["data.latest_invoice"];
      const list = stripe.subscriptions.list({ customer, status: "all", limit: 100, expand });
      const found = await orNull(() => list.autoPagingToArray({ limit: 1_000 }));
      return (found ?? []).map((one) => stripeSnapshot(subscriptionSchema.parse(one)));
    },
    customerOfCharge: (id) =>
      orNull(async () => {
        const charge = await stripe.charges.retrieve(id);
        return chargeSchema.parse(charge).customer ?? null;
      }),
  };
}

async function orNull<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (isMissingAtStripe(error)) return null;
    throw error;
  }
}
