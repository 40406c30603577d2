import type Stripe from "stripe";
import {
  isoTime,
  metadataIdSchema,
  type Payment,
  type PaymentLine,
  type Purchase,
  type Snapshot,
  type Subscription,
  type SubscriptionStatus,
} from "../billing/snapshot.ts";
import { isMissingAtStripe } from "./client.ts";
import { idOf, type Money, readMoney } from "./money.ts";

/** The parts of Stripe's client that read subscriptions and what was paid for them. */
export type ReadingStripe = Pick<
  Stripe,
  "subscriptions" | "invoices" | "invoiceItems" | "charges" | "disputes" | "checkout"
>;

/**
 * Reads one subscription with all its invoices, because a renewal is paid also when its webhook was lost.
 *
 * @throws what Stripe's client throws
 */
export async function readSubscription(
  stripe: ReadingStripe,
  id: string,
  livemode: boolean,
): Promise<Snapshot> {
  try {
    const expand = ["discounts.source.coupon"];
    const subscription = await stripe.subscriptions.retrieve(id, { expand });
    const [snapshot] = await withPayments(stripe, [subscription], { subscription: id });
    if (snapshot !== undefined) return snapshot;
  } catch (error) {
    if (!isMissingAtStripe(error)) throw error;
  }
  return { provider: "stripe", id, livemode, missing: true };
}

/**
 * Reads every subscription and every pack of a customer.
 *
 * @throws what Stripe's client throws
 */
export async function readCustomer(
  stripe: ReadingStripe,
  customer: string,
): Promise<{ snapshots: Subscription[]; purchases: Purchase[] }> {
  try {
    const [subscriptions, sessions] = await Promise.all([
      all(
        stripe.subscriptions.list({
          customer,
          status: "all",
          limit: 100,
          expand: ["data.discounts.source.coupon"],
        }),
      ),
      all(
        stripe.checkout.sessions.list({
          customer,
          limit: 100,
          expand: ["data.line_items"],
        }),
      ),
    ]);
    const packs = sessions.filter(
      ({ mode, status }) => mode === "payment" && status === "complete",
    );
    if (subscriptions.length === 0 && packs.length === 0) return { snapshots: [], purchases: [] };
    const money = await readMoney(stripe, { customer });
    return {
      snapshots: await withPayments(stripe, subscriptions, { customer }, money),
      purchases: packs.map((session) => purchaseOf(session, money)),
    };
  } catch (error) {
    // A deleted customer has neither subscriptions nor packs.
    if (isMissingAtStripe(error)) return { snapshots: [], purchases: [] };
    throw error;
  }
}

async function withPayments(
  stripe: ReadingStripe,
  subscriptions: readonly Stripe.Subscription[],
  of: { subscription: string } | { customer: string },
  knownMoney?: Map<string, Money>,
): Promise<Subscription[]> {
  const customer = idOf(subscriptions[0]?.customer);
  if (customer === null) return [];
  const [invoices, pending, money] = await Promise.all([
    all(stripe.invoices.list({ ...of, limit: 100, expand: ["data.payments"] })),
    all(stripe.invoiceItems.list({ customer, pending: true, limit: 100 })),
    knownMoney ?? readMoney(stripe, { customer }),
  ]);
  const whole = await Promise.all(invoices.map((invoice) => withAllLines(stripe, invoice)));
  return subscriptions.map((subscription) => snapshotOf(subscription, whole, pending, money));
}

interface Invoice {
  invoice: Stripe.Invoice;
  lines: readonly Stripe.InvoiceLineItem[];
}

/** Stripe returns an invoice with its first lines only. */
async function withAllLines(stripe: ReadingStripe, invoice: Stripe.Invoice): Promise<Invoice> {
  const { data, has_more } = invoice.lines;
  if (!has_more) return { invoice, lines: data };
  return { invoice, lines: await all(stripe.invoices.listLineItems(invoice.id, { limit: 100 })) };
}

function snapshotOf(
  subscription: Stripe.Subscription,
  invoices: readonly Invoice[],
  pending: readonly Stripe.InvoiceItem[],
  money: ReadonlyMap<string, Money>,
): Subscription {
  const { id, status, cancel_at, cancel_at_period_end } = subscription;
  const items = subscription.items.data;
  const own = invoices.map(({ invoice, lines }) => ({ invoice, lines: linesOf(lines, id) }));
  const paid = own.filter(({ invoice }) => invoice.status === "paid");
  const unpaid = own.filter(
    ({ invoice }) => invoice.status === "open" || invoice.status === "uncollectible",
  );
  const payments = paid
    .filter(({ lines }) => lines.length > 0)
    .map(({ invoice, lines }) => paymentOf(invoice, lines, money));
  // With flexible billing the portal sets the date and not the flag.
  const end = cancel_at ?? (cancel_at_period_end ? (items[0]?.current_period_end ?? null) : null);
  return {
    provider: "stripe",
    id,
    customer_id: idOf(subscription.customer),
    livemode: subscription.livemode,
    user_id: metadataIdSchema.parse(subscription.metadata?.pinebase_user_id ?? null),
    status: status as SubscriptionStatus,
    items: items.map(({ price, current_period_start, current_period_end }) => ({
      price_id: price.id,
      start: timeOrNull(current_period_start),
      end: timeOrNull(current_period_end),
    })),
    started_at: timeOrNull(subscription.start_date),
    trial_end: timeOrNull(subscription.trial_end),
    cancel_at: timeOrNull(end),
    ended_at: timeOrNull(subscription.ended_at),
    unpaid_since: unpaidSince(unpaid, paid),
    status_at: status === "unpaid" ? lastFailure(unpaid, money) : null,
    discount: discountOf(subscription),
    payments,
    changes: [
      ...unpaid.flatMap(({ lines }) =>
        lines.flatMap(({ proration, price_id, from }) =>
          proration ? [{ price_id, at: from }] : [],
        ),
      ),
      ...pending.flatMap((item) => changeOf(item, id)),
    ],
  };
}

/**
 * The recurring discount of each period. A coupon for one invoice is left out, because later periods do not have it.
 * Several percentages apply one after the other.
 *
 * @see https://docs.stripe.com/api/discounts/object
 */
function discountOf({ discounts }: Stripe.Subscription): { percent: number; amount: number } {
  let left = 100;
  let amount = 0;
  for (const discount of discounts ?? []) {
    if (typeof discount === "string") continue;
    const coupon = discount.source.coupon;
    if (coupon === null || typeof coupon === "string" || coupon.duration === "once") continue;
    left *= 1 - (coupon.percent_off ?? 0) / 100;
    amount += coupon.amount_off ?? 0;
  }
  return { percent: Math.round((100 - left) * 10_000) / 10_000, amount };
}

/**
 * The lines of an invoice that show what a subscription has paid for. Lines of trials, which cost nothing, and credits
 * for a change of plan are left out. A discount does not change a line's amount, so a line with 100 % discount stays.
 *
 * @see https://docs.stripe.com/api/invoice-line-item/object
 */
function linesOf(lines: readonly Stripe.InvoiceLineItem[], subscription: string): PaymentLine[] {
  return lines.flatMap(({ amount, parent, period, pricing }) => {
    const item = parent?.subscription_item_details ?? parent?.invoice_item_details;
    const price = idOf(pricing?.price_details?.price);
    if (item?.subscription !== subscription || price === null || amount <= 0) return [];
    const [from, through] = [isoTime(period.start), isoTime(period.end)];
    return [{ price_id: price, from, through, proration: item.proration }];
  });
}

function paymentOf(
  invoice: Stripe.Invoice,
  lines: PaymentLine[],
  money: ReadonlyMap<string, Money>,
): Payment {
  const parts = paymentsOf(invoice).flatMap((id) => money.get(id) ?? []);
  return {
    id: invoice.id,
    paid_at: isoTime(invoice.status_transitions.paid_at ?? invoice.created),
    currency: invoice.currency,
    amount: invoice.amount_paid,
    lines,
    refunds: parts.flatMap(({ refunds }) => refunds),
    disputes: parts.flatMap(({ disputes }) => disputes),
  };
}

/** Ids of the payments of an invoice, failed attempts included. */
function paymentsOf({ payments }: Stripe.Invoice): string[] {
  return (payments?.data ?? []).flatMap(({ payment }) => {
    const id = idOf(payment.payment_intent) ?? idOf(payment.charge);
    return id === null ? [] : [id];
  });
}

interface InvoiceWithLines {
  invoice: Stripe.Invoice;
  lines: PaymentLine[];
}

/** The start of the first unpaid period after the last paid one. Older unpaid invoices no longer matter. */
function unpaidSince(
  unpaid: readonly InvoiceWithLines[],
  paid: readonly InvoiceWithLines[],
): string | null {
  const starts = (invoices: readonly InvoiceWithLines[]) =>
    invoices.flatMap(({ lines }) =>
      lines.flatMap(({ from, proration }) => (proration ? [] : [from])),
    );
  const lastPaid = starts(paid).sort().at(-1) ?? "";
  const [first] = starts(unpaid)
    .filter((start) => start > lastPaid)
    .sort();
  return first ?? null;
}

/** When a subscription became unpaid: Stripe changes its status right after the last failed attempt. */
function lastFailure(
  unpaid: readonly InvoiceWithLines[],
  money: ReadonlyMap<string, Money>,
): string | null {
  const times = unpaid
    .flatMap(({ invoice }) => paymentsOf(invoice))
    .flatMap((id) => money.get(id)?.lastFailure ?? []);
  return times.length === 0 ? null : isoTime(Math.max(...times));
}

/** A change of price that the next invoice will charge. */
function changeOf({ amount, proration, period, parent, pricing }: Stripe.InvoiceItem, id: string) {
  const price = idOf(pricing?.price_details?.price);
  const owner = parent?.subscription_details?.subscription;
  if (!proration || amount <= 0 || price === null || owner !== id) return [];
  return [{ price_id: price, at: isoTime(period.start) }];
}

/** Reads the pack that a session sells. */
export async function readPurchase(
  stripe: ReadingStripe,
  session: Stripe.Checkout.Session,
): Promise<Purchase> {
  const intent = idOf(session.payment_intent);
  const money = intent === null ? new Map() : await readMoney(stripe, { payment_intent: intent });
  return purchaseOf(session, money);
}

function purchaseOf(session: Stripe.Checkout.Session, money: ReadonlyMap<string, Money>): Purchase {
  const intent = idOf(session.payment_intent);
  const isComplete = session.status === "complete";
  const isPaid = isComplete && session.payment_status !== "unpaid";
  const { refunds = [], disputes = [], lastFailure = null } = money.get(intent ?? "") ?? {};
  return {
    provider: "stripe",
    session_id: session.id,
    customer_id: idOf(session.customer),
    user_id: userOf(session),
    livemode: session.livemode,
    status: isPaid ? "paid" : hasFailed(session, lastFailure) ? "failed" : "unpaid",
    items: (session.line_items?.data ?? []).flatMap(({ price, quantity }) =>
      price ? [{ price_id: price.id, quantity: quantity ?? 1 }] : [],
    ),
    payment: isPaid
      ? {
          id: intent ?? session.id,
          paid_at: isoTime(session.created),
          currency: session.currency ?? "usd",
          amount: session.amount_total ?? 0,
          lines: [],
          refunds,
          disputes,
        }
      : null,
  };
}

/** A bank debit completes its session days before the payment succeeds or fails. */
function hasFailed({ status }: Stripe.Checkout.Session, lastFailure: number | null): boolean {
  return status === "expired" || (status === "complete" && lastFailure !== null);
}

/** The user's id in a session's metadata. */
export function userOf({ metadata }: Pick<Stripe.Checkout.Session, "metadata">): string | null {
  return metadataIdSchema.parse(metadata?.pinebase_user_id ?? null);
}

/** All objects of a list, from all its pages. */
async function all<T>(list: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of list) found.push(one);
  return found;
}

function timeOrNull(seconds: number | null | undefined): string | null {
  return seconds === null || seconds === undefined ? null : isoTime(seconds);
}
