import type { Moment } from "./calendar.ts";
import type { Charge, Invoice, Subscription } from "./truth.ts";

/** When the last part of a payment was refunded; null while a part of it is kept. */
export function refundedInFullAt(charge: Charge): Moment | null {
  let refunded = 0;
  for (const refund of [...charge.refunds].sort((one, other) => one.at - other.at)) {
    refunded += refund.amount;
    if (refunded >= charge.amount && charge.amount > 0) {
      return refund.at;
    }
  }
  return null;
}

export interface PaidInvoice extends Invoice {
  paidAt: Moment;
}

export function isPaid(invoice: Invoice): invoice is PaidInvoice {
  return invoice.paidAt !== null;
}

/** Whole periods that were paid for, a discount of 100 % included and a trial not, oldest first. */
export function paidPeriods(subscription: Subscription): PaidInvoice[] {
  return subscription.invoices
    .filter(isPaid)
    .filter(({ kind }) => kind === "period")
    .sort((one, other) => one.start - other.start);
}

/**
 * Where a paid period ends: a change of interval begins a new one before that, and from its payment on
 * the old period has no time and no further month.
 */
export function endOfPeriod(subscription: Subscription, period: PaidInvoice): Moment {
  const later = paidPeriods(subscription)
    .filter(({ start }) => start > period.start)
    .map(({ start, paidAt }) => Math.max(start, paidAt));
  return Math.min(period.end, ...later);
}

/** Until when the money that was kept reaches; null where nothing was paid or all of it refunded. */
export function paidThrough(subscription: Subscription): Moment | null {
  const ends = paidPeriods(subscription)
    .filter((period) => refundedInFullAt(period) === null)
    .map((period) => endOfPeriod(subscription, period));
  return ends.length === 0 ? null : Math.max(...ends);
}
