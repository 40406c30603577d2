import { z } from "zod";

/** What the pages read of Stripe's objects. */

const recurring = z.object({
  interval: z.enum(["day", "week", "month", "year"]),
  interval_count: z.number().default(1),
});

export const priceSchema = z.object({
  id: z.string(),
  nickname: z.string().nullish(),
  product: z.string(),
  currency: z.string(),
  unit_amount: z.number(),
  recurring: recurring.nullish(),
  active: z.boolean().default(true),
});

export const productSchema = z.object({ id: z.string(), name: z.string() });

export const sessionSchema = z.looseObject({
  id: z.string(),
  status: z.enum(["open", "complete", "expired"]),
  mode: z.enum(["payment", "setup", "subscription"]),
  amount_total: z.number(),
  currency: z.string().nullable(),
  success_url: z.string(),
  cancel_url: z.string().nullish(),
  trial_period_days: z.number().nullish(),
  discounts: z.array(z.object({ coupon: z.string() })),
  line_items_given: z.array(
    z.object({ price: z.string(), quantity: z.number().optional().default(1) }),
  ),
});

export const portalSessionSchema = z.object({
  id: z.string(),
  customer: z.string(),
  return_url: z.string().nullable(),
});

export const customerSchema = z.object({
  id: z.string(),
  email: z.string().nullable(),
  invoice_settings: z.object({ default_payment_method: z.string().nullish() }).nullish(),
});

export const subscriptionSchema = z.object({
  id: z.string(),
  status: z.string(),
  cancel_at: z.number().nullish(),
  cancel_at_period_end: z.boolean().nullish(),
  items: z.object({
    data: z.array(z.object({ id: z.string(), price: priceSchema, current_period_end: z.number() })),
  }),
});

export const invoiceSchema = z.object({
  id: z.string(),
  created: z.number(),
  currency: z.string(),
  status: z.string(),
  amount_due: z.number(),
  amount_remaining: z.number(),
});

export const paymentMethodSchema = z.object({
  id: z.string(),
  type: z.string(),
  card: z.object({ last4: z.string() }).optional(),
});

export type Price = z.output<typeof priceSchema>;
