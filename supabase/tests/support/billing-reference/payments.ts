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
export function endOfPeriod(period: PaidInvoice, all: readonly PaidInvoice[]): Moment {
  const next = all.find(({ start }) => start > period.start);
  return next === undefined ? period.end : Math.min(period.end, Math.max(next.start, next.paidAt));
}

/** Until when the money that was kept reaches; null where nothing was paid or all of it refunded. */
export function paidThrough(subscription: Subscription): Moment | null {
  const all = paidPeriods(subscription);
  const ends = all
    .filter((period) => refundedInFullAt(period) === null)
    .map((period) => endOfPeriod(period, all));
  return ends.length === 0 ? null : Math.max(...ends);
}
