import type { Moment } from "./calendar.ts";
import { entitledUntil } from "./entitlement.ts";
import { presentPrice, type Status, type Subscription } from "./truth.ts";

/** The figures of a business at a moment, in one currency. */
export interface Overview {
  /**
   * Revenue that recurs each month, in the smallest unit: a twelfth of a yearly price, less discounts, without trials.
   */
  mrr: number;
  byStatus: { active: number; trialing: number; past_due: number };
  byPlan: { [planType: string]: number };
}

/** Computes the figures from the subscriptions of all customers who have an account. */
export function overviewOf(subscriptions: readonly Subscription[], now: Moment): Overview {
  const overview: Overview = {
    mrr: 0,
    byStatus: { active: 0, trialing: 0, past_due: 0 },
    byPlan: {},
  };
  // In units of 1/1200, for percent and months, so that the sum has no fractions.
  let parts = 0;
  for (const subscription of subscriptions) {
    const status = statusAt(subscription, now);
    if (status !== "active" && status !== "trialing" && status !== "past_due") {
      continue;
    }
    const { plan, amount, months } = presentPrice(subscription);
    overview.byStatus[status] += 1;
    overview.byPlan[plan.planType] = (overview.byPlan[plan.planType] ?? 0) + 1;
    if (status !== "trialing") {
      parts += amount * (100 - (subscription.discount ?? 0)) * (12 / months);
    }
  }
  return {
    ...overview,
    mrr: Math.round(parts / 1_200),
    byPlan: Object.fromEntries(Object.entries(overview.byPlan).sort()),
  };
}

/** A cancelled one at PayPal is active until the end of what was paid for. One that will not renew and was refunded has ended. */
function statusAt(subscription: Subscription, now: Moment): Status {
  const until = entitledUntil(subscription, []);
  const isOver = until === null || until <= now;
  if (subscription.provider === "paypal" && subscription.status === "canceled") {
    return isOver ? "canceled" : "active";
  }
  return subscription.cancelAt !== null && isOver ? "canceled" : subscription.status;
}
