import { day, type Moment } from "./calendar.ts";
import { paidPeriods, paidThrough, refundedInFullAt } from "./payments.ts";
import type { Interruption, Subscription } from "./truth.ts";

/** A renewal that is not heard of for so long does not interrupt anybody. */
const slack = 3 * day;

/** A failed payment is waited for so long, counted from the start of the period that it was for. */
const grace = 7 * day;

/** Until when a subscription makes its owner premium; null where it never did or no longer can. */
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
  // It will not renew. Without a paid period it has ended already; a trial never had one to pay for.
  const refunded = currentPeriodRefundedAt(subscription);
  return Math.min(until, subscription.cancelAt, refunded ?? Number.POSITIVE_INFINITY);
}

function untilByStatus(subscription: Subscription): Moment | null {
  switch (subscription.status) {
    case "trialing":
    case "active":
      return subscription.period.end + slack;
    case "past_due":
      return latest(paidThrough(subscription), unpaidSince(subscription));
    case "canceled":
      return untilAfterTheEnd(subscription);
    case "unpaid":
    case "incomplete":
    case "incomplete_expired":
    case "paused":
      return null;
  }
}

/** The end of the grace where the current period is unpaid; null where another invoice is. */
function unpaidSince(subscription: Subscription): Moment | null {
  const { start } = subscription.period;
  const paid = paidPeriods(subscription).some(
    (invoice) => invoice.start === start && refundedInFullAt(invoice) === null,
  );
  return paid ? null : start + grace;
}

/** PayPal knows no scheduled end, so that what was paid for is kept there after the cancellation. */
function untilAfterTheEnd(subscription: Subscription): Moment | null {
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

/** The latest of all subscriptions counts; null where none entitles to anything. */
export function premiumUntil(
  subscriptions: readonly { subscription: Subscription; revocations: readonly Interruption[] }[],
): Moment | null {
  return latest(
    ...subscriptions.map(({ subscription, revocations }) =>
      entitledUntil(subscription, revocations),
    ),
  );
}
