import { z } from "zod";

/*
 * What is read of PayPal's objects. Names, addresses and cards are not: what is not named here falls away.
 */

const time = z.iso.datetime({ offset: true });

/** https://developer.paypal.com/docs/api/subscriptions/v1/#subscriptions_get */
export const paypalSubscriptionSchema = z.object({
  id: z.string(),
  status: z.enum(["APPROVAL_PENDING", "APPROVED", "ACTIVE", "SUSPENDED", "CANCELLED", "EXPIRED"]),
  status_update_time: time.nullish(),
  plan_id: z.string(),
  /** The user's id, where we created it. */
  custom_id: z.string().nullish(),
  start_time: time.nullish(),
  billing_info: z
    .object({
      next_billing_time: time.nullish(),
      last_payment: z.object({ time, amount: z.object({ value: z.string() }).nullish() }).nullish(),
    })
    .nullish(),
});

/** https://developer.paypal.com/docs/api/subscriptions/v1/#plans_get */
export const paypalPlanSchema = z.object({
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

/** https://developer.paypal.com/api/rest/webhooks/ */
export const paypalEventSchema = z.object({
  id: z.string().min(1).max(255),
  event_type: z.string().min(1).max(255),
  create_time: time,
  resource_type: z.string().nullish(),
  resource: z.object({
    id: z.string().nullish(),
    /** The subscription that a payment is for. */
    billing_agreement_id: z.string().nullish(),
  }),
});

export type PaypalSubscription = z.output<typeof paypalSubscriptionSchema>;
export type PaypalPlan = z.output<typeof paypalPlanSchema>;
export type PaypalEvent = z.output<typeof paypalEventSchema>;
