import type { Moment } from "../billing-reference/calendar.ts";
import { isPaid, type PaidInvoice, paidPeriods } from "../billing-reference/payments.ts";
import type { Charge, Invoice, PackPurchase, Subscription } from "../billing-reference/truth.ts";
import { pack } from "./catalog.ts";

/** A JSON value, as postgres.js accepts it. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** A subscription in the form in which the edge functions pass it to the database after a read. */
export function snapshotOf(
  subscription: Subscription,
  now: Moment,
  userId: string | null,
  invoices: readonly Invoice[] = subscription.invoices,
): { [key: string]: Json } {
  return {
    ...{ provider: subscription.provider, id: subscription.id, livemode: false },
    ...{ customer_id: subscription.provider === "stripe" ? subscription.customer : null },
    ...{ user_id: userId, started_at: time(subscription.created), status_at: null },
    ...{ trial_end: timeOrNull(subscription.trialEnd), plan_overridden: false, approved: false },
    ...(subscription.provider === "stripe"
      ? stripeState(subscription)
      : paypalState(subscription, now)),
    payments: invoices
      .filter(isPaid)
      .filter(({ kind }) => kind !== "trial")
      .map(paymentOf),
    changes: changesOf(subscription),
    discount: { percent: subscription.discount ?? 0, amount: 0 },
  };
}

function stripeState(subscription: Subscription): { [key: string]: Json } {
  const { status, period, cancelAt, endedAt, moves } = subscription;
  const failing = status === "past_due" || status === "unpaid";
  return {
    ...{ status, cancel_at: timeOrNull(cancelAt), ended_at: timeOrNull(endedAt) },
    items: [itemOf(moves.at(-1)?.price.id ?? "", period)],
    unpaid_since: failing ? timeOrNull(oldestUnpaid(subscription)) : null,
  };
}

/** PayPal has only periods that were paid for, and no scheduled end: the edge functions derive that. */
function paypalState(subscription: Subscription, now: Moment): { [key: string]: Json } {
  const last = paidPeriods(subscription).at(-1);
  const price = subscription.moves.at(-1)?.price.id ?? "";
  const paidAhead = last !== undefined && last.end > now;
  const canceled = subscription.status === "canceled";
  return {
    status: canceled && paidAhead ? "active" : subscription.status,
    cancel_at: canceled && paidAhead ? time(last.end) : null,
    ended_at: canceled && !paidAhead ? timeOrNull(last?.end ?? subscription.endedAt) : null,
    items: [last === undefined ? { price_id: price, start: null, end: null } : itemOf(price, last)],
    unpaid_since: subscription.status === "past_due" ? timeOrNull(last?.end ?? null) : null,
  };
}

function itemOf(priceId: string, { start, end }: { start: Moment; end: Moment }): Json {
  return { price_id: priceId, start: time(start), end: time(end) };
}

function oldestUnpaid({ invoices }: Subscription): Moment | null {
  const unpaid = invoices.filter(({ kind, paidAt }) => kind === "period" && paidAt === null);
  return unpaid.length === 0 ? null : Math.min(...unpaid.map(({ start }) => start));
}

/** Moves to another price whose invoice is not paid yet. */
function changesOf({ invoices }: Subscription): Json {
  return invoices
    .filter(({ kind, paidAt }) => kind === "change" && paidAt === null)
    .map(({ price, start }) => ({ price_id: price.id, at: time(start) }));
}

function paymentOf(invoice: PaidInvoice): Json {
  const { price, start, end, kind } = invoice;
  const line = { price_id: price.id, from: time(start), through: time(end) };
  return {
    ...{ id: invoice.id, paid_at: time(invoice.paidAt), currency: "usd", amount: invoice.amount },
    ...{ lines: [{ ...line, proration: kind === "change" }], ...returnsOf(invoice) },
  };
}

/** The purchase of a pack in the form in which the edge functions pass it to the database. */
export function purchaseOf(purchase: PackPurchase, userId: string): Json {
  const { id, customer, paidAt, amount } = purchase;
  return {
    ...{ provider: "stripe", session_id: id, customer_id: customer, user_id: userId },
    ...{ livemode: false, status: paidAt === null ? "unpaid" : "paid" },
    items: [{ price_id: pack.priceId, quantity: 1 }],
    payment:
      paidAt === null
        ? null
        : {
            ...{ id: `pi_${id}`, paid_at: time(paidAt), currency: "usd", amount, lines: [] },
            ...returnsOf(purchase),
          },
  };
}

function returnsOf({ refunds, disputes }: Charge): { [key: string]: Json } {
  return {
    refunds: refunds.map(({ id, at, amount }) => ({
      ...{ id, amount, currency: "usd", status: "succeeded", reason: null, created_at: time(at) },
    })),
    disputes: disputes.map(({ id, at, amount, status }) => ({
      ...{ id, amount, currency: "usd", reason: "fraudulent", due_at: null, created_at: time(at) },
      ...{ status: status === "open" ? "needs_response" : status, closed_at: null },
    })),
  };
}

function time(moment: Moment): string {
  return new Date(moment).toISOString();
}

function timeOrNull(moment: Moment | null): string | null {
  return moment === null ? null : time(moment);
}
