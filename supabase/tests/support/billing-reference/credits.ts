import { addMonths, day, type Moment } from "./calendar.ts";
import { endOfPeriod, type PaidInvoice, paidPeriods, refundedInFullAt } from "./payments.ts";
import type { Interruption, PackPurchase, Subscription } from "./truth.ts";

/** A month of a paid period, and what has been granted for it altogether. */
export interface GrantedMonth {
  start: Moment;
  credits: number;
}

interface Month {
  start: Moment;
  end: Moment;
  period: PaidInvoice;
}

/** What the months that have started by `now` grant, oldest first; months that grant nothing left out. */
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
      credits: richest(subscription, interruptions, month, now),
    }))
    .filter(({ credits }) => credits > 0);
}

/**
 * A period of n months has exactly n, at start + k months: each is counted from the start, or somebody
 * who began on the 31st would drift to the 28th. The last one reaches to the end of the period.
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
 * Whether the subscription entitled to anything at a moment of a paid period. The period begins with the
 * payment or in the grace that waits for it. When the grace was over and the payment not there, after a
 * refund, after the end, while revoked or `unpaid`, it did not.
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
  // A first month is what the payment was for, so that it is granted although it began unpaid.
  const interrupted = interruptions.some(
    ({ why, from, to }) =>
      from <= moment &&
      (to === null || moment < to) &&
      (why === "revoked" || moment > period.start),
  );
  return paidInTime && kept && !interrupted && !endedBefore(subscription, moment);
}

/** A scheduled end is one too. What was paid for is kept after a cancellation at PayPal. */
function endedBefore({ provider, endedAt, cancelAt }: Subscription, moment: Moment): boolean {
  const end = Math.min(...[endedAt, cancelAt].filter((at) => at !== null));
  return provider === "stripe" && end <= moment;
}

/**
 * The plan that the subscription is on at the month's start, or the richest that it moves to before the
 * month is over: never the sum of them.
 */
function richest(
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

/** Credits of a pack that its refunds and lost disputes take back altogether, at most all of them. */
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
