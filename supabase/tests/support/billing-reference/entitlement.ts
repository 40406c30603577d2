import { day, type Moment } from "./calendar.ts";
import { paidPeriods, paidThrough, refundedInFullAt } from "./payments.ts";
import type { Interruption, Subscription } from "./truth.ts";

/** Premium goes on for this long after a period, because the event of its renewal may be late. */
const slack = 3 * day;

/** Premium goes on for this long after the start of a period whose payment has failed. */
const grace = 7 * day;

/** Until when a subscription makes its owner premium; null if it never did, or no longer does. */
export function entitledUntil(
  subscription: Subscription,
  revocations: readonly Interruption[],
): Moment | null {
  if (revocations.some(({ to }) => to === null)) {
    return null;
  }
  if (subscription.provider === "paypal" && paidPeriods(subscription).length === 0) {
    return null;
  }
  const until = untilByStatus(subscription);
  if (until === null || subscription.cancelAt === null) {
    return until;
  }
  // It will not renew. If its current period was refunded it ended with that refund.
  const refunded = currentPeriodRefundedAt(subscription);
  return Math.min(until, subscription.cancelAt, refunded ?? Number.POSITIVE_INFINITY);
}

function untilByStatus(subscription: Subscription): Moment | null {
  switch (subscription.status) {
    case "trialing":
    case "active":
      return subscription.period.end + slack;
    case "past_due":
      return latest(paidThrough(subscription), endOfGrace(subscription));
    case "canceled":
      return untilOfCanceled(subscription);
    case "unpaid":
    case "incomplete":
    case "incomplete_expired":
    case "paused":
      return null;
  }
}

/** The end of the grace if the current period is unpaid; null if only another invoice is. */
function endOfGrace(subscription: Subscription): Moment | null {
  const { start } = subscription.period;
  const paid = paidPeriods(subscription).some(
    (invoice) => invoice.start === start && refundedInFullAt(invoice) === null,
  );
  return paid ? null : start + grace;
}

/** PayPal has no scheduled end, so a cancelled subscription entitles there until the end of what was paid for. */
function untilOfCanceled(subscription: Subscription): Moment | null {
  const { provider, endedAt } = subscription;
  return provider === "paypal" ? latest(paidThrough(subscription), endedAt) : endedAt;
}

function currentPeriodRefundedAt(subscription: Subscription): Moment | null {
  const current = paidPeriods(subscription).find(
    ({ start }) => start === subscription.period.start,
  );
  return current === undefined ? null : refundedInFullAt(current);
}

function latest(...moments: (Moment | null)[]): Moment | null {
  const known = moments.filter((moment) => moment !== null);
  return known.length === 0 ? null : Math.max(...known);
}

/** Until when a user is premium: the latest of all subscriptions; null if none entitles to anything. */
export function premiumUntil(
  subscriptions: readonly { subscription: Subscription; revocations: readonly Interruption[] }[],
): Moment | null {
  return latest(
    ...subscriptions.map(({ subscription, revocations }) =>
      entitledUntil(subscription, revocations),
    ),
  );
}
