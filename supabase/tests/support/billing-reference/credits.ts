import { addMonths, day, type Moment } from "./calendar.ts";
import { endOfPeriod, type PaidInvoice, paidPeriods, refundedInFullAt } from "./payments.ts";
import type { Interruption, PackPurchase, Subscription } from "./truth.ts";

/** A month of a paid period, and all credits that it grants. */
export interface GrantedMonth {
  start: Moment;
  credits: number;
}

interface Month {
  start: Moment;
  end: Moment;
  period: PaidInvoice;
}

/** The months that have started by `now` and grant credits, oldest first. */
export function grantedMonths(
  subscription: Subscription,
  interruptions: readonly Interruption[],
  now: Moment,
): GrantedMonth[] {
  const periods = paidPeriods(subscription);
  return periods
    .filter((period) => period.paidAt <= now)
    .flatMap((period) => monthsOf(period, endOfPeriod(period, periods)))
    .filter((month) => month.start <= now)
    .filter(({ start, period }) => entitledAt(start, subscription, interruptions, period))
    .map((month) => ({
      start: month.start,
      credits: highestGrant(subscription, interruptions, month, now),
    }))
    .filter(({ credits }) => credits > 0);
}

/**
 * A period of n months has exactly n, at start + k months. Each is counted from the start: counted from the month before, a
 * period that begins on the 31st would drift to the 28th. The last one lasts until the end of the period.
 */
function monthsOf(period: PaidInvoice, end: Moment): Month[] {
  const count = period.price.months;
  return Array.from({ length: count }, (_, index) => ({
    start: addMonths(period.start, index),
    end: index === count - 1 ? period.end : addMonths(period.start, index + 1),
    period,
  }))
    .filter((month) => month.start < end)
    .map((month) => ({ ...month, end: Math.min(month.end, end) }));
}

/**
 * Whether the subscription entitled to credits at a moment of a paid period. It did not when the payment came after the
 * grace, nor after a refund in full, after its end, or while it was revoked or `unpaid`.
 */
function entitledAt(
  moment: Moment,
  subscription: Subscription,
  interruptions: readonly Interruption[],
  period: PaidInvoice,
): boolean {
  const paidInTime = period.paidAt <= moment || moment < period.start + 7 * day;
  const refunded = refundedInFullAt(period);
  const kept = refunded === null || moment < refunded;
  // The first month is what the payment was for, so it is granted although it began unpaid.
  const interrupted = interruptions.some(
    ({ why, from, to }) =>
      from <= moment &&
      (to === null || moment < to) &&
      (why === "revoked" || moment > period.start),
  );
  return paidInTime && kept && !interrupted && !endedBefore(subscription, moment);
}

/** A scheduled end counts too. After a cancellation at PayPal the customer keeps what was paid for. */
function endedBefore({ provider, endedAt, cancelAt }: Subscription, moment: Moment): boolean {
  const end = Math.min(...[endedAt, cancelAt].filter((at) => at !== null));
  return provider === "stripe" && end <= moment;
}

/**
 * The credits of the plan at the month's start, or of a plan with more credits that it moves to within the month: the
 * highest of them, never their sum.
 */
function highestGrant(
  subscription: Subscription,
  interruptions: readonly Interruption[],
  { start, end, period }: Month,
  now: Moment,
): number {
  const atStart = subscription.moves.filter(({ at }) => at <= start).slice(-1);
  const inMonth = subscription.moves.filter(
    ({ at }) =>
      at > start && at < end && at <= now && entitledAt(at, subscription, interruptions, period),
  );
  return Math.max(0, ...[...atStart, ...inMonth].map(({ price }) => price.plan.monthlyCredits));
}

/** Credits that refunds and lost disputes of a pack take back in total, at most all of them. */
export function creditsTakenBack(pack: PackPurchase): number {
  if (pack.paidAt === null || pack.amount === 0) {
    return 0;
  }
  const refunded = pack.refunds.reduce((sum, { amount }) => sum + amount, 0);
  const lost = pack.disputes
    .filter(({ status }) => status === "lost")
    .reduce((sum, { amount }) => sum + amount, 0);
  return Math.floor((pack.credits * Math.min(pack.amount, refunded + lost)) / pack.amount);
}
