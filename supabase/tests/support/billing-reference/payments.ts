import type { Moment } from "./calendar.ts";
import type { Charge, Invoice, Subscription } from "./truth.ts";

/** When a payment was refunded in full; null while a part of it is kept. */
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

/** Paid invoices of whole periods, oldest first: a discount of 100 % counts as paid, a trial does not. */
export function paidPeriods(subscription: Subscription): PaidInvoice[] {
  return subscription.invoices
    .filter(isPaid)
    .filter(({ kind }) => kind === "period")
    .sort((one, other) => one.start - other.start);
}

/**
 * Where a paid period ends. A change of interval begins a new period earlier; from the payment of that one on, the old
 * period grants nothing more.
 */
export function endOfPeriod(period: PaidInvoice, all: readonly PaidInvoice[]): Moment {
  const next = all.find(({ start }) => start > period.start);
  return next === undefined ? period.end : Math.min(period.end, Math.max(next.start, next.paidAt));
}

/** The end of the last period that was paid and not refunded in full; null if there is none. */
export function paidThrough(subscription: Subscription): Moment | null {
  const all = paidPeriods(subscription);
  const ends = all
    .filter((period) => refundedInFullAt(period) === null)
    .map((period) => endOfPeriod(period, all));
  return ends.length === 0 ? null : Math.max(...ends);
}
