import { z } from "zod";

/* What the rules and the pages of the stand-in read of its objects. */

const recurringSchema = z.object({
  interval: z.enum(["day", "week", "month", "year"]),
  interval_count: z.number().default(1),
});

export const priceSchema = z.looseObject({
  id: z.string(),
  nickname: z.string().nullish(),
  product: z.string().default(""),
  currency: z.string().default("usd"),
  unit_amount: z.number().default(0),
  recurring: recurringSchema.nullish(),
  active: z.boolean().default(true),
});

export const productSchema = z.object({ id: z.string(), name: z.string() });

export const sessionSchema = z.object({
  id: z.string(),
  status: z.enum(["open", "complete", "expired"]),
  mode: z.enum(["payment", "setup", "subscription"]),
  customer: z.string().nullable(),
  amount_total: z.number(),
  currency: z.string().nullable(),
  success_url: z.string(),
  cancel_url: z.string().nullish(),
  discounts: z.array(z.object({ coupon: z.string() })),
  line_items_given: z.array(z.object({ price: z.string(), quantity: z.number().default(1) })),
  subscription_metadata: z.record(z.string(), z.string()),
  trial_period_days: z.number().nullish(),
});

export const portalSessionSchema = z.object({
  id: z.string(),
  customer: z.string(),
  return_url: z.string().nullable(),
});

export const customerSchema = z.object({
  id: z.string(),
  invoice_settings: z.object({ default_payment_method: z.string().nullish() }).nullish(),
});

export const subscriptionSchema = z.looseObject({
  id: z.string(),
  customer: z.string(),
  status: z.string(),
  items: z.object({
    data: z.array(
      z.looseObject({
        id: z.string(),
        price: priceSchema,
        quantity: z.number().default(1),
        current_period_start: z.number(),
        current_period_end: z.number(),
      }),
    ),
  }),
  billing_cycle_anchor: z.number(),
  trial_end: z.number().nullish(),
  cancel_at: z.number().nullish(),
  cancel_at_period_end: z.boolean().nullish(),
  latest_invoice: z.string().nullish(),
  default_payment_method: z.string().nullish(),
  metadata: z.record(z.string(), z.string()).default({}),
});

export const invoiceSchema = z.object({
  id: z.string(),
  created: z.number(),
  currency: z.string(),
  status: z.string(),
  amount_due: z.number(),
});

export const paymentMethodSchema = z.object({
  id: z.string(),
  card: z.object({ last4: z.string() }).optional(),
  sepa_debit: z.object({ last4: z.string() }).optional(),
});

/** The subscription that an invoice or an item of one belongs to, if any. */
export function subscriptionOf(object: object): string | undefined {
  const schema = z.object({
    parent: z.object({ subscription_details: z.object({ subscription: z.string() }) }),
  });
  return schema.safeParse(object).data?.parent.subscription_details.subscription;
}

export type Recurring = z.output<typeof recurringSchema>;
export type Price = z.output<typeof priceSchema>;
export type Session = z.output<typeof sessionSchema>;
export type Subscription = z.output<typeof subscriptionSchema>;
