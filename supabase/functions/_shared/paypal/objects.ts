import { z } from "zod";

/*
 * The fields that are read of PayPal's objects. All others are dropped, names, addresses and cards among them.
 */

const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text).toISOString());

/** https://developer.paypal.com/docs/api/subscriptions/v1/#subscriptions_get */
export const subscriptionSchema = z.object({
  id: z.string(),
  status: z.enum(["APPROVAL_PENDING", "APPROVED", "ACTIVE", "SUSPENDED", "CANCELLED", "EXPIRED"]),
  status_update_time: time.nullish(),
  plan_id: z.string(),
  /** Whether it has other terms than its plan. */
  plan_overridden: z.boolean().nullish(),
  /** The user's id, where create-paypal-subscription created it. */
  custom_id: z.string().nullish(),
  start_time: time.nullish(),
  create_time: time.nullish(),
});

/** https://developer.paypal.com/docs/api/subscriptions/v1/#plans_get */
export const planSchema = z.object({
  billing_cycles: z.array(
    z.object({
      tenure_type: z.enum(["REGULAR", "TRIAL"]),
      frequency: z.object({
        interval_unit: z.enum(["DAY", "WEEK", "MONTH", "YEAR"]),
        interval_count: z.number().int().min(1).default(1),
      }),
    }),
  ),
});

/** https://developer.paypal.com/docs/api/subscriptions/v1/#subscriptions_transactions */
export const transactionsSchema = z.object({
  transactions: z
    .array(
      z.object({
        id: z.string(),
        status: z.enum(["COMPLETED", "DECLINED", "PARTIALLY_REFUNDED", "PENDING", "REFUNDED"]),
        time,
        amount_with_breakdown: z.object({
          gross_amount: z.object({ currency_code: z.string(), value: z.string() }),
        }),
      }),
    )
    .default([]),
});

/** https://developer.paypal.com/docs/api/payments/v1/#sale_get */
export const saleSchema = z.object({
  id: z.string(),
  state: z.string(),
  amount: z.object({ total: z.string(), currency: z.string() }),
  update_time: time,
  /** The subscription that it pays. */
  billing_agreement_id: z.string().nullish(),
});

/** https://developer.paypal.com/docs/api/payments/v1/#refund_get */
export const refundSchema = z.object({
  id: z.string(),
  state: z.string(),
  sale_id: z.string(),
  amount: z.object({ total: z.string(), currency: z.string() }),
  create_time: time,
});

/** https://developer.paypal.com/docs/api/customer-disputes/v1/#disputes_get */
export const disputeSchema = z.object({
  dispute_id: z.string(),
  status: z.string(),
  reason: z.string().nullish(),
  dispute_amount: z.object({ currency_code: z.string(), value: z.string() }),
  dispute_outcome: z.object({ outcome_code: z.string() }).nullish(),
  seller_response_due_date: time.nullish(),
  create_time: time,
  update_time: time.nullish(),
  disputed_transactions: z
    .array(z.object({ seller_transaction_id: z.string().nullish() }))
    .default([]),
});

/** https://developer.paypal.com/api/rest/webhooks/ */
export const eventSchema = z.object({
  id: z.string().min(1).max(255),
  event_type: z.string().min(1).max(255),
  create_time: time,
  resource: z.object({
    id: z.string().nullish(),
    dispute_id: z.string().nullish(),
  }),
});

export type PaypalSubscription = z.output<typeof subscriptionSchema>;
export type PaypalPlan = z.output<typeof planSchema>;
export type PaypalSale = z.output<typeof saleSchema>;

/** Converts an amount of PayPal, such as `9.00`, to the smallest unit of its currency. */
export function smallestUnit(value: string, currency: string): number {
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  return Math.round(Math.abs(Number(value)) * 10 ** digits);
}
