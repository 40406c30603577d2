// The stand-in for Stripe that `npm start` runs too.

export type { StripeObject } from "../../../scripts/local/stripe/route.ts";
export { type StripeFake, startStripeFake } from "../../../scripts/local/stripe/stand-in.ts";
