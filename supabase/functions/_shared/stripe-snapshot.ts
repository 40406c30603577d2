import { isoTime, type Payment, type Snapshot } from "./snapshot.ts";
import type { StripeInvoice, StripeSubscription } from "./stripe-objects.ts";

/** A subscription of Stripe in the database's form. */
export function stripeSnapshot(subscription: StripeSubscription): Snapshot {
  const items = subscription.items.data.flatMap((item) => {
    const id = item.price?.id ?? item.plan?.id;
    if (id === undefined) return [];
    const start = item.current_period_start ?? subscription.current_period_start ?? null;
    const end = item.current_period_end ?? subscription.current_period_end ?? null;
    return [{ id, start, end }];
  });
  const dated = items.flatMap(({ id, start, end }) =>
    start === null || end === null ? [] : [{ id, start, end }],
  );
  const [first] = dated;
  const end = first?.end ?? subscription.current_period_end ?? null;
  // The portal sets a date and not the flag where billing is flexible.
  const cancelAt = subscription.cancel_at ?? (subscription.cancel_at_period_end ? end : null);
  const invoice = subscription.latest_invoice;
  return {
    provider: "stripe",
    id: subscription.id,
    customer_id: subscription.customer,
    livemode: subscription.livemode,
    status: subscription.status,
    price_ids: items.map(({ id }) => id),
    periods: Object.fromEntries(
      dated.map(({ id, start, end }) => [id, { start: isoTime(start), end: isoTime(end) }]),
    ),
    period_start: timeOrNull(first?.start ?? subscription.current_period_start),
    period_end: timeOrNull(end),
    cancel_at: timeOrNull(cancelAt),
    ended_at: timeOrNull(subscription.ended_at),
    paid: invoice === null || (typeof invoice === "object" && isPaid(invoice)),
    payments: typeof invoice === "object" && invoice ? paidPeriods(invoice, subscription.id) : [],
    user_id: subscription.metadata?.pinebase_user_id ?? null,
  };
}

/** Whether an invoice is paid, or has nothing to be paid: discounts go up to 100 %. */
function isPaid(invoice: StripeInvoice): boolean {
  if (invoice.status === "paid" || invoice.paid === true) return true;
  const isPayable = invoice.status === "open" || invoice.status === "draft";
  return isPayable && (invoice.amount_remaining ?? invoice.amount_due) === 0;
}

/** The subscription that an invoice is for, in either form. */
export function subscriptionOf(invoice: StripeInvoice): string | null {
  return invoice.parent?.subscription_details?.subscription ?? invoice.subscription ?? null;
}

/**
 * The periods of a subscription that an invoice says were paid for. Its lines also hold what a change of plan
 * cost or gave back, and the trial, at nothing; none of these is a period of its own. A discount is not part of a
 * line's amount.
 *
 * @see https://docs.stripe.com/api/invoice-line-item/object
 */
export function paidPeriods(invoice: StripeInvoice, subscriptionId: string): Payment[] {
  if (!isPaid(invoice)) return [];
  return (invoice.lines?.data ?? []).flatMap((line) => {
    const item = line.parent?.subscription_item_details;
    const owner = item?.subscription ?? line.subscription ?? subscriptionOf(invoice);
    const price = line.pricing?.price_details?.price ?? line.price?.id;
    const isProration = item?.proration ?? line.proration ?? false;
    if (owner !== subscriptionId || !price || isProration || line.amount <= 0) return [];
    const { start, end } = line.period;
    return [{ price_ids: [price], from: isoTime(start), through: isoTime(end) }];
  });
}

function timeOrNull(seconds: number | null | undefined): string | null {
  return seconds === null || seconds === undefined ? null : isoTime(seconds);
}
