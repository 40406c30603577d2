import { z } from "zod";

/** A subscription that has not ended, as its row shows it. */
export const subscriptionSchema = z.object({
  provider: z.enum(["stripe", "paypal", "manual"]),
  provider_subscription_id: z.string().nullable(),
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
  cancel_at: z.string().nullable(),
});

/** A subscription that has not ended. */
export type Subscription = z.output<typeof subscriptionSchema>;

const over: readonly Subscription["status"][] = ["canceled", "incomplete_expired"];

/**
 * Whether a subscription will take money again unless somebody ends it. One whose first payment never came
 * takes none, and one that an operator granted has nobody to take it from.
 */
export function willRenew({ provider, status, cancel_at }: Subscription): boolean {
  if (provider === "manual" || over.includes(status) || status === "incomplete") return false;
  return cancel_at === null;
}

/** Whether something is left at the provider that has to be ended now: it is scheduled to end, or was never paid. */
export function isLeftAtProvider(subscription: Subscription): boolean {
  const { provider, status, provider_subscription_id } = subscription;
  if (provider === "manual" || provider_subscription_id === null || over.includes(status))
    return false;
  return !willRenew(subscription);
}
