import { z } from "zod";

/*
 * What is read of Stripe's objects, in the forms that they have had since API version 2020-08-27. Whatever is not
 * named here falls away when an object is parsed: that is also what keeps names, addresses and cards out of the
 * database. Parsing what was parsed before gives the same.
 */

/** An id, or the object itself where it was expanded. */
const reference = z
  .union([z.string(), z.object({ id: z.string() })])
  .transform((given) => (typeof given === "string" ? given : given.id));

/** Seconds since 1970, up to the year 9999. */
const seconds = z.number().int().min(0).max(253_402_300_799);

const subscriptionMetadata = z.object({ pinebase_user_id: z.uuid().optional().catch(undefined) });

const price = z.object({ id: z.string() });

const period = { current_period_start: seconds.nullish(), current_period_end: seconds.nullish() };

const invoiceLine = z.object({
  amount: z.number(),
  period: z.object({ start: seconds, end: seconds }),
  // Until 2025-03-31
  proration: z.boolean().nullish(),
  subscription: reference.nullish(),
  price: price.nullish(),
  // From then on
  pricing: z.object({ price_details: z.object({ price: reference }).nullish() }).nullish(),
  parent: z
    .object({
      subscription_item_details: z
        .object({ proration: z.boolean().nullish(), subscription: reference.nullish() })
        .nullish(),
    })
    .nullish(),
});

/** https://docs.stripe.com/api/invoices/object */
export const invoiceSchema = z.object({
  // A preview of the next one has none.
  id: z.string().nullish(),
  object: z.literal("invoice"),
  customer: reference.nullish(),
  status: z.string().nullish(),
  paid: z.boolean().nullish(),
  amount_due: z.number().nullish(),
  amount_remaining: z.number().nullish(),
  // Until 2025-03-31
  subscription: reference.nullish(),
  subscription_details: z.object({ metadata: subscriptionMetadata.nullish() }).nullish(),
  // From then on
  parent: z
    .object({
      subscription_details: z
        .object({ subscription: reference, metadata: subscriptionMetadata.nullish() })
        .nullish(),
    })
    .nullish(),
  lines: z.object({ data: z.array(invoiceLine) }).nullish(),
});

/** https://docs.stripe.com/api/subscriptions/object */
export const subscriptionSchema = z.object({
  id: z.string(),
  object: z.literal("subscription"),
  customer: reference,
  livemode: z.boolean(),
  status: z.enum([
    "incomplete",
    "incomplete_expired",
    "trialing",
    "active",
    "past_due",
    "canceled",
    "unpaid",
    "paused",
  ]),
  metadata: subscriptionMetadata.nullish(),
  cancel_at: seconds.nullish(),
  cancel_at_period_end: z.boolean().nullish(),
  ended_at: seconds.nullish(),
  // Until 2025-03-31; from then on each item has its own.
  ...period,
  items: z.object({
    data: z.array(z.object({ price: price.nullish(), plan: price.nullish(), ...period })),
  }),
  latest_invoice: z.union([z.string(), invoiceSchema]).nullish(),
});

/** https://docs.stripe.com/api/checkout/sessions/object */
export const sessionSchema = z.object({
  id: z.string(),
  object: z.literal("checkout.session"),
  mode: z.string(),
  status: z.string().nullish(),
  payment_status: z.string().nullish(),
  customer: reference.nullish(),
  subscription: reference.nullish(),
  metadata: subscriptionMetadata
    .extend({ pinebase_attempt: z.uuid().optional().catch(undefined) })
    .nullish(),
});

/** Refunds and disputes name a charge, charges a customer. */
export const chargeSchema = z.object({
  id: z.string(),
  object: z.string(),
  customer: reference.nullish(),
  charge: reference.nullish(),
});

/** What every object has. */
export const objectSchema = z.object({ id: z.string().nullish(), object: z.string().nullish() });

export type StripeInvoice = z.output<typeof invoiceSchema>;
export type StripeSubscription = z.output<typeof subscriptionSchema>;
export type StripeSession = z.output<typeof sessionSchema>;
