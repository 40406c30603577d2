// The stand-in for Stripe that `npm start` runs too.

import Stripe from "stripe";

export { type StripeStandIn, startStripeStandIn } from "../../../scripts/local/stripe/stand-in.ts";
export type { StripeObject } from "../../../scripts/local/stripe/store.ts";

/** Stripe's own client, pointed at a stand-in. */
export function stripeClient(url: string, key = "sk_test_of_the_tests"): Stripe {
  const { hostname, port } = new URL(url);
  return new Stripe(key, { protocol: "http", host: hostname, port, maxNetworkRetries: 0 });
}
