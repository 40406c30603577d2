// The stand-in for Stripe that `npm start` runs too.

export { type StripeStandIn, startStripeStandIn } from "../../../scripts/local/stripe/stand-in.ts";
export type { StripeObject } from "../../../scripts/local/stripe/store.ts";
