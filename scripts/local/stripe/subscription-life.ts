import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { collect, draft, finalize, type Line } from "./invoices.ts";
import {
  customerSchema,
  type Price,
  priceSchema,
  subscriptionOf,
  subscriptionSchema,
} from "./objects.ts";
import { outcomeOf } from "./payment-methods.ts";
import { day, periodEnd } from "./periods.ts";
import { listOf } from "./route.ts";
import type { Store, StripeObject } from "./store.ts";

/** Days after its first failure on which a payment is tried again. */
const retries = [3, 8, 15];

/** Whether a subscription has ended for good. */
export function isOver({ status }: StripeObject): boolean {
  return status === "canceled" || status === "incomplete_expired";
}

/** Ends a subscription now. */
export function end(store: Store, subscription: StripeObject): StripeObject {
  const now = store.now();
  return store.change(subscription, "customer.subscription.deleted", {
    status: "canceled",
    canceled_at: now,
    ended_at: now,
  });
}

/** The payment method of a subscription, or else the customer's, or null. */
export function methodOf(store: Store, customer: string, own?: string | null): StripeObject | null {
  const owner = customerSchema.safeParse(store.find("customer", customer)).data;
  const preferred = own ?? owner?.invoice_settings?.default_payment_method;
  return (preferred && store.find("payment_method", preferred)) || null;
}

/**
 * Bills the running period, at no cost where it is a trial, and tries to take the money.
 *
 * @param first lines that stand before those of the period
 * @returns whether the invoice is paid
 */
export function bill(
  store: Store,
  subscription: StripeObject,
  reason = "subscription_cycle",
  first: Line[] = [],
): boolean {
  const { id, items, trial_end } = subscriptionSchema.parse(subscription);
  const isTrial = typeof trial_end === "number" && trial_end > store.now();
  const lines = items.data.map(
    (item): Line => ({
      ...lineOf(id, item.id, item.price.id, false),
      amount: isTrial ? 0 : item.price.unit_amount * item.quantity,
      period: { start: item.current_period_start, end: item.current_period_end },
    }),
  );
  return invoiceFor(store, subscription, [...first, ...pendingLines(store, id), ...lines], reason);
}

const couponsSchema = z
  .array(
    z.looseObject({
      id: z.string(),
      percent_off: z.number().nullish(),
      duration: z.string().default("once"),
    }),
  )
  .catch([]);

/** Makes an invoice of a subscription and tries to take the money. Returns whether it is paid. */
function invoiceFor(
  store: Store,
  subscription: StripeObject,
  lines: Line[],
  billing_reason: string,
): boolean {
  const { id, items, customer, metadata, default_payment_method } =
    subscriptionSchema.parse(subscription);
  const coupons = couponsSchema.parse(subscription.coupons_of_next);
  const invoice = draft(store, {
    customer,
    currency: items.data[0]?.price.currency ?? "usd",
    lines,
    collection_method: "charge_automatically",
    parent: { type: "subscription_details", subscription_details: { subscription: id, metadata } },
    billing_reason,
    coupons,
  });
  subscription.latest_invoice = invoice.id;
  subscription.coupons_of_next = coupons.filter(({ duration }) => duration !== "once");
  finalize(store, invoice);
  if (invoice.status === "paid") return true;
  const method = methodOf(store, customer, default_payment_method);
  if (method === null) return false;
  const outcome = collect(store, invoice, method);
  // A bank debit that is under way counts as paid until it bounces.
  return outcome === "succeeded" || outcome === "processing";
}

function lineOf(subscription: string, item: string, price: string, proration: boolean) {
  return {
    pricing: { type: "price_details", price_details: { price, product: "" } },
    parent: {
      type: "subscription_item_details",
      subscription_item_details: { subscription, subscription_item: item, proration },
    },
  };
}

/** The lines that changes of price have left for the next invoice. */
function pendingLines(store: Store, subscription: string): Line[] {
  const pending = store
    .list("invoiceitem")
    .filter((item) => item.invoice === null && subscriptionOf(item) === subscription);
  return pending.map((item) => {
    item.invoice = "included";
    return { ...(item.line as Line) };
  });
}

function keepPending(store: Store, subscription: StripeObject, line: Line): void {
  const { id, customer, items } = subscriptionSchema.parse(subscription);
  store.keep("invoiceitem", {
    customer,
    amount: line.amount,
    currency: items.data[0]?.price.currency ?? "usd",
    proration: true,
    period: line.period,
    pricing: line.pricing,
    parent: { type: "subscription_details", subscription_details: { subscription: id } },
    invoice: null,
    // Not a field of Stripe's: the line that the next invoice gets.
    line,
  });
}

/** How a change of price is settled. */
export type ProrationBehavior = "always_invoice" | "create_prorations" | "none";

/**
 * Changes the price of a subscription's first item. Within one interval the period stays and the rest of it is
 * prorated. Another interval begins a new period now, which is billed at once.
 *
 * @see https://docs.stripe.com/billing/subscriptions/prorations
 */
export function changePrice(
  store: Store,
  subscription: StripeObject,
  price: StripeObject,
  behavior: ProrationBehavior,
): void {
  const { id, items, status } = subscriptionSchema.parse(subscription);
  const [item, ...others] = items.data;
  if (!item) return;
  const now = store.now();
  const next = priceSchema.parse(price);
  const { current_period_start: start, current_period_end: ends, price: old } = item;
  const isTrial = status === "trialing";
  const left = isTrial ? 0 : (ends - now) / (ends - start);
  const prorated = (of: Price, sign: 1 | -1): Line => ({
    ...lineOf(id, item.id, of.id, true),
    amount: sign * Math.round(of.unit_amount * item.quantity * left),
    period: { start: now, end: ends },
  });
  const credit = prorated(old, -1);
  if (isTrial || isDeepStrictEqual(old.recurring, next.recurring)) {
    subscription.items = listOf([{ ...item, price }, ...others]);
    if (behavior === "none" || isTrial) return;
    const debit = prorated(next, 1);
    if (behavior === "create_prorations") {
      for (const line of [credit, debit]) keepPending(store, subscription, line);
    } else if (!invoiceFor(store, subscription, [credit, debit], "subscription_update")) {
      subscription.status = "past_due";
    }
    return;
  }
  const period = {
    current_period_start: now,
    current_period_end: periodEnd(now, now, next.recurring),
  };
  subscription.items = listOf([{ ...item, price, ...period }, ...others]);
  subscription.billing_cycle_anchor = now;
  const first = behavior === "none" ? [] : [credit];
  if (!bill(store, subscription, "subscription_update", first)) subscription.status = "past_due";
}

/** A subscription with its discounts, and with its invoice in the place of the id, where `wanted` names them. */
export function expand(
  store: Store,
  subscription: StripeObject,
  wanted: readonly string[],
): StripeObject {
  const invoice =
    wanted.includes("latest_invoice") && store.find("invoice", subscription.latest_invoice);
  // A coupon with the duration `once` has left the subscription with its first invoice.
  const coupons = couponsSchema.parse(subscription.coupons_of_next);
  const discounts = coupons.map((coupon) => ({
    id: `di_${coupon.id}`,
    object: "discount",
    subscription: subscription.id,
    source: { type: "coupon", coupon },
  }));
  return {
    ...subscription,
    discounts: wanted.includes("discounts.source.coupon")
      ? discounts
      : discounts.map(({ id }) => id),
    ...(invoice ? { latest_invoice: invoice } : {}),
  };
}

/**
 * Moves the clock to a time: trials end, periods are renewed, payments are tried again, scheduled ends come.
 * It is the part of https://docs.stripe.com/billing/testing/test-clocks that tests need.
 */
export function advance(store: Store, to: number): void {
  for (;;) {
    const due = store
      .list("subscription")
      .filter((one) => !isOver(one))
      .flatMap((subscription) => {
        const at = nextStep(store, subscription);
        return at !== null && at <= to ? [{ subscription, at }] : [];
      })
      .sort((one, other) => one.at - other.at)[0];
    if (!due) break;
    store.now = () => due.at;
    step(store, due.subscription);
  }
  store.now = () => to;
}

/** When something next happens to a subscription by time alone. */
function nextStep(store: Store, subscription: StripeObject): number | null {
  const state = subscriptionSchema.safeParse(subscription).data;
  if (!state) return null;
  const { items, cancel_at, status } = state;
  const periodEnds = items.data[0]?.current_period_end ?? null;
  const times = [
    cancel_at ?? null,
    retryAt(store, subscription),
    status === "paused" || status === "incomplete" ? null : periodEnds,
  ].filter((time) => time !== null);
  return times.length === 0 ? null : Math.max(Math.min(...times), store.now());
}

function retryAt(store: Store, subscription: StripeObject): number | null {
  const invoice = store.find("invoice", subscription.latest_invoice);
  if (subscription.status !== "past_due" || invoice?.status !== "open") return null;
  const wait = retries[Number(invoice.attempt_count ?? 1) - 1];
  return wait === undefined ? null : Number(invoice.created) + wait * day;
}

/** Does the next thing that has become due: a scheduled end, a retry or a renewal. */
function step(store: Store, subscription: StripeObject): void {
  const now = store.now();
  const { cancel_at } = subscriptionSchema.parse(subscription);
  const retry = retryAt(store, subscription);
  if (typeof cancel_at === "number" && cancel_at <= now) {
    end(store, subscription);
  } else if (retry !== null && retry <= now) {
    payAgain(store, subscription);
  } else {
    renew(store, subscription);
  }
}

function renew(store: Store, subscription: StripeObject): void {
  const { items, billing_cycle_anchor, status } = subscriptionSchema.parse(subscription);
  const trialEnd = status === "trialing" ? items.data[0]?.current_period_end : null;
  const anchor = trialEnd ?? billing_cycle_anchor;
  subscription.billing_cycle_anchor = anchor;
  subscription.items = listOf(
    items.data.map((item) => ({
      ...item,
      current_period_start: item.current_period_end,
      current_period_end: periodEnd(item.current_period_end, anchor, item.price.recurring),
    })),
  );
  // The invoices of an unpaid subscription stay drafts.
  if (status !== "unpaid") subscription.status = bill(store, subscription) ? "active" : "past_due";
  store.emit("customer.subscription.updated", subscription);
}

/** Tries the payment of the open invoice again. After the last failure the dashboard's setting decides. */
function payAgain(store: Store, subscription: StripeObject): void {
  const { customer, default_payment_method, latest_invoice } =
    subscriptionSchema.parse(subscription);
  const invoice = store.find("invoice", latest_invoice);
  const method = methodOf(store, customer, default_payment_method);
  if (!invoice) return;
  const attempt_count = Number(invoice.attempt_count ?? 1) + 1;
  invoice.attempt_count = attempt_count;
  if (method && outcomeOf(method) !== "is declined") {
    if (collect(store, invoice, method) === "succeeded") subscription.status = "active";
    store.emit("customer.subscription.updated", subscription);
    return;
  }
  store.emit("invoice.payment_failed", invoice);
  if (attempt_count <= retries.length || store.afterRetries === "past_due") return;
  if (store.afterRetries === "canceled") {
    end(store, subscription);
  } else {
    store.change(subscription, "customer.subscription.updated", { status: "unpaid" });
  }
}
