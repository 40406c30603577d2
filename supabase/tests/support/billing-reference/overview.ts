import type { Moment } from "./calendar.ts";
import { entitledUntil } from "./entitlement.ts";
import { presentPrice, type Status, type Subscription } from "./truth.ts";

/** What a business has at a moment, in one currency. */
export interface Overview {
  /** What recurs in a month, in the smallest unit: of a yearly price a twelfth, discounts taken off, trials not counted. */
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
  // Of 100 percent and 12 months, so that the sum is one of whole numbers.
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

/** PayPal's cancelled one runs until the end of what was paid; one that was paid back and will not renew has ended. */
function statusAt(subscription: Subscription, now: Moment): Status {
  const until = entitledUntil(subscription, []);
  const isOver = until === null || until <= now;
  if (subscription.provider === "paypal" && subscription.status === "canceled") {
    return isOver ? "canceled" : "active";
  }
  return subscription.cancelAt !== null && isOver ? "canceled" : subscription.status;
}
