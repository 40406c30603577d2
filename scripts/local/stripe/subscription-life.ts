import { z } from "zod";
import { collect, draft, finalize } from "./invoices.ts";
import { nowInSeconds, type Store, type StripeObject } from "./route.ts";

const pricesSchema = z.array(
  z.object({
    price: z.object({ id: z.string(), unit_amount: z.number(), currency: z.string() }),
    quantity: z.number(),
  }),
);

/** Whether a subscription has ended for good. */
export function isOver({ status }: StripeObject): boolean {
  return status === "canceled" || status === "incomplete_expired";
}

/** Ends a subscription now. */
export function end(store: Store, subscription: StripeObject): StripeObject {
  const now = nowInSeconds();
  Object.assign(subscription, { status: "canceled", canceled_at: now, ended_at: now });
  store.emit("customer.subscription.deleted", subscription);
  return subscription;
}

/** How the customer of a subscription pays, if in any way. */
export function methodOf(store: Store, customer: string): StripeObject | null {
  const { invoice_settings } = z
    .object({
      invoice_settings: z.object({ default_payment_method: z.string().nullable() }).optional(),
    })
    .parse(store.all("customer").get(customer) ?? {});
  const preferred = invoice_settings?.default_payment_method;
  return (preferred && store.all("payment_method").get(preferred)) || null;
}

/** Writes the invoice of a period, without cost where it is a trial, and tries to take the money. */
export function bill(store: Store, subscription: StripeObject): boolean {
  const { items, trial_end } = z
    .object({ items: z.object({ data: z.array(z.unknown()) }), trial_end: z.number().nullable() })
    .parse(subscription);
  const isTrial = trial_end !== null && trial_end > nowInSeconds();
  const { start, end } = periodOf(items.data);
  const sold = pricesSchema.parse(items.data);
  const lines = sold.map(({ price, quantity }) => ({
    amount: isTrial ? 0 : price.unit_amount * quantity,
    period: { start, end },
    pricing: { price_details: { price: price.id } },
    parent: { subscription_item_details: { subscription: subscription.id, proration: false } },
  }));
  const { id, metadata } = subscription;
  const parent = { subscription_details: { subscription: id, metadata } };
  const customer = String(subscription.customer);
  const currency = sold[0]?.price.currency ?? "usd";
  const collection_method = "charge_automatically";
  const invoice = draft(store, { customer, currency, lines, collection_method, parent });
  subscription.latest_invoice = invoice.id;
  finalize(store, invoice);
  if (invoice.status === "paid") return true;
  const method = methodOf(store, customer);
  return method !== null && collect(store, invoice, method) === "succeeded";
}

/** A subscription with its invoice in the place of the invoice's id, where that was asked for. */
export function expand(store: Store, subscription: StripeObject, isWanted = false): StripeObject {
  const invoice = store.all("invoice").get(String(subscription.latest_invoice));
  return invoice && isWanted ? { ...subscription, latest_invoice: invoice } : subscription;
}

function periodOf(items: unknown[]): { start: number; end: number } {
  const [item] = z
    .array(z.object({ current_period_start: z.number(), current_period_end: z.number() }))
    .parse(items);
  return { start: item?.current_period_start ?? 0, end: item?.current_period_end ?? 0 };
}
