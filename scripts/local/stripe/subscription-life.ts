import { z } from "zod";
import { collect, draft, finalize, type Line } from "./invoices.ts";
import { outcomeOf } from "./payment-methods.ts";
import { periodEnd } from "./periods.ts";
import { keep, nowInSeconds, type Store, type StripeObject } from "./route.ts";

const day = 24 * 60 * 60;

/** Days after its first failure on which a payment is tried again. */
const retries = [3, 8, 15];

const priceSchema = z.looseObject({
  id: z.string(),
  product: z.string().default(""),
  unit_amount: z.number().default(0),
  currency: z.string().default("usd"),
  recurring: z
    .object({
      interval: z.enum(["day", "week", "month", "year"]),
      interval_count: z.number().default(1),
    })
    .nullish()
    .transform((given) => given ?? ({ interval: "month", interval_count: 1 } as const)),
});

const itemSchema = z.looseObject({
  id: z.string(),
  price: priceSchema,
  quantity: z.number().default(1),
  current_period_start: z.number(),
  current_period_end: z.number(),
});

/** What a subscription of the store holds, as far as its life needs it. */
const stateSchema = z.looseObject({
  id: z.string(),
  customer: z.string(),
  status: z.string(),
  items: z.object({ data: z.array(itemSchema) }),
  billing_cycle_anchor: z.number(),
  trial_end: z.number().nullish(),
  cancel_at: z.number().nullish(),
  cancel_at_period_end: z.boolean().nullish(),
  latest_invoice: z.string().nullish(),
  default_payment_method: z.string().nullish(),
  metadata: z.record(z.string(), z.string()).default({}),
});

/** Reads a subscription of the store. */
export function stateOf(subscription: StripeObject) {
  return stateSchema.parse(subscription);
}

/** Whether a subscription has ended for good. */
export function isOver({ status }: StripeObject): boolean {
  return status === "canceled" || status === "incomplete_expired";
}

/** Ends a subscription now. */
export function end(store: Store, subscription: StripeObject): StripeObject {
  const now = nowInSeconds(store);
  Object.assign(subscription, { status: "canceled", canceled_at: now, ended_at: now });
  store.emit("customer.subscription.deleted", subscription);
  return subscription;
}

/** How a subscription, or else its customer, pays, if in any way. */
export function methodOf(store: Store, customer: string, own?: string | null): StripeObject | null {
  const { invoice_settings } = z
    .object({
      invoice_settings: z.object({ default_payment_method: z.string().nullable() }).optional(),
    })
    .parse(store.all("customer").get(customer) ?? {});
  const preferred = own ?? invoice_settings?.default_payment_method;
  return (preferred && store.all("payment_method").get(preferred)) || null;
}

/** Writes the invoice of the running period, without cost where it is a trial, and tries to take the money. */
export function bill(
  store: Store,
  subscription: StripeObject,
  { reason = "subscription_cycle", first = [] as Line[] } = {},
): boolean {
  const { id, items, trial_end } = stateOf(subscription);
  const isTrial = typeof trial_end === "number" && trial_end > nowInSeconds(store);
  const lines = items.data.map(
    ({
      id: item,
      price,
      quantity,
      current_period_start: start,
      current_period_end: end,
    }): Line => ({
      ...lineOf(id, item, price.id, false),
      amount: isTrial ? 0 : price.unit_amount * quantity,
      period: { start, end },
    }),
  );
  return invoiceFor(store, subscription, [...first, ...pendingLines(store, id), ...lines], reason);
}

/** Writes an invoice of a subscription and tries to take the money; tells whether it is paid. */
function invoiceFor(
  store: Store,
  subscription: StripeObject,
  lines: Line[],
  billing_reason: string,
): boolean {
  const { id, items, customer, metadata, default_payment_method } = stateOf(subscription);
  const invoice = draft(store, {
    customer,
    currency: items.data[0]?.price.currency ?? "usd",
    lines,
    collection_method: "charge_automatically",
    parent: { type: "subscription_details", subscription_details: { subscription: id, metadata } },
    billing_reason,
    coupons: couponsOf(subscription),
  });
  subscription.latest_invoice = invoice.id;
  subscription.coupons_of_next = z
    .array(z.object({ duration: z.string() }).loose())
    .catch([])
    .parse(subscription.coupons_of_next)
    .filter(({ duration }) => duration !== "once");
  finalize(store, invoice);
  if (invoice.status === "paid") return true;
  const method = methodOf(store, customer, default_payment_method);
  if (method === null) return false;
  const outcome = collect(store, invoice, method);
  // A bank debit that is under way counts as paid here until it bounces.
  return outcome === "succeeded" || outcome === "processing";
}

const couponsOf = (subscription: StripeObject) =>
  z
    .array(z.object({ id: z.string(), percent_off: z.number() }))
    .catch([])
    .parse(subscription.coupons_of_next);

function lineOf(subscription: string, item: string, price: string, proration: boolean) {
  return {
    pricing: { type: "price_details", price_details: { price, product: "" } },
    parent: {
      type: "subscription_item_details",
      subscription_item_details: { subscription, subscription_item: item, proration },
    },
  };
}

/** What a change of price left for the next invoice. */
function pendingLines(store: Store, subscription: string): Line[] {
  const pending = [...store.all("invoiceitem").values()].filter((item) => {
    const owner = z
      .object({
        parent: z.object({ subscription_details: z.object({ subscription: z.string() }) }),
      })
      .safeParse(item).data?.parent.subscription_details.subscription;
    return item.invoice === null && owner === subscription;
  });
  return pending.map((item) => {
    item.invoice = "included";
    return { ...(item.line as Line) };
  });
}

function keepPending(store: Store, subscription: StripeObject, line: Line): void {
  const { id, customer, items } = stateOf(subscription);
  keep(store, "ii", "invoiceitem", {
    customer,
    amount: line.amount,
    currency: items.data[0]?.price.currency ?? "usd",
    proration: true,
    period: line.period,
    pricing: line.pricing,
    parent: { type: "subscription_details", subscription_details: { subscription: id } },
    invoice: null,
    // Not told by Stripe: what becomes of it on the invoice.
    line,
  });
}

/** How a change of price is settled. */
export type ProrationBehavior = "always_invoice" | "create_prorations" | "none";

/**
 * Changes the price of a subscription's first item. Within one interval the period stays and what is left of it
 * is prorated; another interval begins a period now, which is billed at once.
 *
 * @see https://docs.stripe.com/billing/subscriptions/prorations
 */
export function changePrice(
  store: Store,
  subscription: StripeObject,
  price: StripeObject,
  behavior: ProrationBehavior,
): void {
  const { id, items, status } = stateOf(subscription);
  const [item, ...others] = items.data;
  if (!item) return;
  const now = nowInSeconds(store);
  const next = priceSchema.parse(price);
  const { current_period_start: start, current_period_end: periodEnds, price: old } = item;
  const { interval, interval_count } = old.recurring;
  const isSameInterval =
    interval === next.recurring.interval && interval_count === next.recurring.interval_count;
  const isTrial = status === "trialing";
  const left = isTrial ? 0 : (periodEnds - now) / (periodEnds - start);
  const part = (amount: number) => Math.round(amount * item.quantity * left);
  const period = { start: now, end: periodEnds };
  const credit: Line = {
    ...lineOf(id, item.id, old.id, true),
    amount: -part(old.unit_amount),
    period,
  };
  if (isSameInterval || isTrial) {
    subscription.items = listed([{ ...item, price }, ...others]);
    if (behavior === "none" || isTrial) return;
    const debit = {
      ...lineOf(id, item.id, next.id, true),
      amount: part(next.unit_amount),
      period,
    };
    if (behavior === "create_prorations") {
      for (const line of [credit, debit]) keepPending(store, subscription, line);
    } else if (!invoiceFor(store, subscription, [credit, debit], "subscription_update")) {
      subscription.status = "past_due";
    }
    return;
  }
  const ends = periodEnd(now, now, next.recurring);
  const changed = { ...item, price, current_period_start: now, current_period_end: ends };
  subscription.items = listed([changed, ...others]);
  subscription.billing_cycle_anchor = now;
  const first = behavior === "none" ? [] : [credit];
  const isPaid = bill(store, subscription, { reason: "subscription_update", first });
  if (!isPaid) subscription.status = "past_due";
}

function listed(data: object[]) {
  return { object: "list", data, has_more: false };
}

/** A subscription with its invoice in the place of the invoice's id, where that was asked for. */
export function expand(
  store: Store,
  subscription: StripeObject,
  wanted: readonly string[] = [],
): StripeObject {
  const invoice = store.all("invoice").get(String(subscription.latest_invoice));
  // A coupon that is good for once is gone from the subscription with its first invoice.
  const coupons = z.array(z.looseObject({ id: z.string() })).catch([]);
  const discounts = coupons.parse(subscription.coupons_of_next).map((coupon) => ({
    ...{ id: `di_${coupon.id}`, object: "discount", subscription: subscription.id },
    source: { type: "coupon", coupon },
  }));
  return {
    ...subscription,
    discounts: wanted.some((path) => path.endsWith("discounts.source.coupon"))
      ? discounts
      : discounts.map(({ id }) => id),
    ...(invoice && wanted.some((path) => path.endsWith("latest_invoice"))
      ? { latest_invoice: invoice }
      : {}),
  };
}

/**
 * Lets time pass until a moment: trials end, periods are renewed, payments are tried again, scheduled ends come.
 * What a test needs of https://docs.stripe.com/billing/testing/test-clocks
 */
export function advance(store: Store, to: number): void {
  for (;;) {
    const due = [...store.all("subscription").values()]
      .filter((one) => !isOver(one))
      .flatMap((subscription) => {
        const at = nextStep(store, subscription);
        return at !== null && at <= to ? [{ subscription, at }] : [];
      })
      .sort((one, other) => one.at - other.at)[0];
    if (!due) break;
    store.now = () => due.at * 1000;
    step(store, due.subscription);
  }
  store.now = () => to * 1000;
}

/** When something next happens to a subscription by itself. */
function nextStep(store: Store, subscription: StripeObject): number | null {
  const state = stateSchema.safeParse(subscription).data;
  if (!state) return null;
  const { items, cancel_at, status } = state;
  const periodEnds = items.data[0]?.current_period_end ?? null;
  const retry = retryAt(store, subscription);
  const times = [
    cancel_at ?? null,
    retry,
    status === "paused" || status === "incomplete" ? null : periodEnds,
  ];
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.max(Math.min(...known), nowInSeconds(store));
}

function retryAt(store: Store, subscription: StripeObject): number | null {
  const invoice = store.all("invoice").get(String(subscription.latest_invoice));
  if (subscription.status !== "past_due" || invoice?.status !== "open") return null;
  const wait = retries[Number(invoice.attempt_count ?? 1) - 1];
  return wait === undefined ? null : Number(invoice.created) + wait * day;
}

function step(store: Store, subscription: StripeObject): void {
  const now = nowInSeconds(store);
  const { items, cancel_at, billing_cycle_anchor: anchor, status } = stateOf(subscription);
  if (typeof cancel_at === "number" && cancel_at <= now) {
    end(store, subscription);
    return;
  }
  const retry = retryAt(store, subscription);
  if (retry !== null && retry <= now) {
    payAgain(store, subscription);
    return;
  }
  const isTrialEnd = status === "trialing";
  const first = items.data[0];
  const newAnchor = isTrialEnd ? (first?.current_period_end ?? now) : anchor;
  subscription.billing_cycle_anchor = newAnchor;
  subscription.items = listed(
    items.data.map((item) => ({
      ...item,
      current_period_start: item.current_period_end,
      current_period_end: periodEnd(item.current_period_end, newAnchor, item.price.recurring),
    })),
  );
  if (status === "unpaid") {
    // The invoices of an unpaid subscription stay drafts.
    store.emit("customer.subscription.updated", subscription);
    return;
  }
  const isPaid = bill(store, subscription);
  subscription.status = isPaid ? "active" : "past_due";
  store.emit("customer.subscription.updated", subscription);
}

/** Tries the payment of the open invoice again; after the last failure the dashboard's setting decides. */
function payAgain(store: Store, subscription: StripeObject): void {
  const { customer, default_payment_method, latest_invoice } = stateOf(subscription);
  const invoice = store.all("invoice").get(String(latest_invoice));
  const method = methodOf(store, customer, default_payment_method);
  if (!invoice) return;
  invoice.attempt_count = Number(invoice.attempt_count ?? 1) + 1;
  if (method && outcomeOf(method) !== "is declined") {
    if (collect(store, invoice, method) === "succeeded") subscription.status = "active";
    store.emit("customer.subscription.updated", subscription);
    return;
  }
  store.emit("invoice.payment_failed", invoice);
  if (Number(invoice.attempt_count) <= retries.length || store.afterRetries === "past_due") return;
  if (store.afterRetries === "canceled") {
    end(store, subscription);
    return;
  }
  subscription.status = "unpaid";
  store.emit("customer.subscription.updated", subscription);
}
