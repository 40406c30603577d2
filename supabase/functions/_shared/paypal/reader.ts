import {
  type Dispute,
  metadataIdSchema,
  type Payment,
  type Refund,
  type Snapshot,
  type Subscription,
} from "../billing/snapshot.ts";
import { nullIfMissing, type PaypalClient } from "./client.ts";
import {
  disputeSchema,
  type PaypalPlan,
  type PaypalSale,
  type PaypalSubscription,
  planSchema,
  refundSchema,
  saleSchema,
  smallestUnit,
  subscriptionSchema,
  transactionsSchema,
} from "./objects.ts";

/** Milliseconds by which PayPal's clock may be ahead of ours. */
const clockDifference = 60_000;

/** A refund or dispute that an event named. PayPal's API cannot list the refunds and disputes of a payment. */
export interface Incident {
  saleId: string;
  refund?: Refund;
  dispute?: Dispute;
}

/**
 * Reads one subscription with its plan and every payment, in the database's form. The database decides whether to trust
 * the user's id in it, because anybody who creates a subscription can write any id there.
 */
export async function readSubscription(
  paypal: PaypalClient,
  id: string,
  now: number,
  incident?: Incident,
): Promise<Snapshot> {
  const path = `/v1/billing/subscriptions/${encodeURIComponent(id)}`;
  const found = await nullIfMissing(() => paypal.get(path));
  if (found === null) return { provider: "paypal", id, livemode: paypal.livemode, missing: true };
  const subscription = subscriptionSchema.parse(found);
  const isOpen = ["APPROVAL_PENDING", "APPROVED"].includes(subscription.status);
  const [plan, payments] = isOpen
    ? [null, []]
    : await Promise.all([
        readPlan(paypal, subscription.plan_id),
        readPayments(paypal, subscription, now, incident),
      ]);
  return snapshotOf(subscription, plan, payments, { livemode: paypal.livemode, now });
}

async function readPlan(paypal: PaypalClient, id: string): Promise<PaypalPlan> {
  return planSchema.parse(await paypal.get(`/v1/billing/plans/${encodeURIComponent(id)}`));
}

async function readPayments(
  paypal: PaypalClient,
  { id, create_time, start_time }: PaypalSubscription,
  now: number,
  incident?: Incident,
): Promise<Payment[]> {
  const query = new URLSearchParams({
    start_time: create_time ?? start_time ?? new Date(0).toISOString(),
    end_time: new Date(now + clockDifference).toISOString(),
  });
  const path = `/v1/billing/subscriptions/${encodeURIComponent(id)}/transactions?${query}`;
  const { transactions } = transactionsSchema.parse((await paypal.get(path)) ?? {});
  const received = transactions.filter(({ status }) => !["PENDING", "DECLINED"].includes(status));
  return await Promise.all(
    received.map(async ({ id: saleId, status, time, amount_with_breakdown: { gross_amount } }) => {
      const { currency_code, value } = gross_amount;
      const own = incident?.saleId === saleId ? incident : null;
      const refunds = own?.refund ? [own.refund] : [];
      // A full refund shows in the sale's state, so it is found also when its event was lost.
      if (status === "REFUNDED") refunds.splice(0, 1, await wholeRefund(paypal, saleId));
      return {
        id: saleId,
        paid_at: time,
        currency: currency_code.toLowerCase(),
        amount: smallestUnit(value, currency_code),
        lines: [],
        refunds,
        disputes: own?.dispute ? [own.dispute] : [],
      };
    }),
  );
}

async function wholeRefund(paypal: PaypalClient, saleId: string): Promise<Refund> {
  const sale = await readSale(paypal, saleId);
  if (sale === null) throw new Error("PayPal does not have the sale that it lists.");
  return {
    id: `sale:${saleId}`,
    amount: smallestUnit(sale.amount.total, sale.amount.currency),
    currency: sale.amount.currency.toLowerCase(),
    status: "COMPLETED",
    reason: sale.state,
    created_at: sale.update_time,
  };
}

/** Reads a payment. Returns null where PayPal has none with this id. */
export async function readSale(paypal: PaypalClient, id: string): Promise<PaypalSale | null> {
  const found = await nullIfMissing(() =>
    paypal.get(`/v1/payments/sale/${encodeURIComponent(id)}`),
  );
  return found === null ? null : saleSchema.parse(found);
}

/** Reads a refund. Returns null where PayPal has none with this id. */
export async function readRefund(
  paypal: PaypalClient,
  id: string,
): Promise<{ saleId: string; refund: Refund } | null> {
  const found = await nullIfMissing(() =>
    paypal.get(`/v1/payments/refund/${encodeURIComponent(id)}`),
  );
  if (found === null) return null;
  const { sale_id, state, amount, create_time } = refundSchema.parse(found);
  const refund = {
    id,
    amount: smallestUnit(amount.total, amount.currency),
    currency: amount.currency.toLowerCase(),
    status: state.toUpperCase(),
    reason: null,
    created_at: create_time,
  };
  return { saleId: sale_id, refund };
}

/** Reads a dispute. Returns null where PayPal has none with this id. */
export async function readDispute(
  paypal: PaypalClient,
  id: string,
): Promise<{ saleIds: string[]; dispute: Dispute } | null> {
  const found = await nullIfMissing(() =>
    paypal.get(`/v1/customer/disputes/${encodeURIComponent(id)}`),
  );
  if (found === null) return null;
  const given = disputeSchema.parse(found);
  const isClosed = given.status === "RESOLVED";
  const isLost = ["RESOLVED_BUYER_FAVOUR", "ACCEPTED"].includes(
    given.dispute_outcome?.outcome_code ?? "",
  );
  const { currency_code, value } = given.dispute_amount;
  return {
    saleIds: given.disputed_transactions.flatMap(({ seller_transaction_id }) =>
      seller_transaction_id ? [seller_transaction_id] : [],
    ),
    dispute: {
      id,
      amount: smallestUnit(value, currency_code),
      currency: currency_code.toLowerCase(),
      status: isClosed ? (isLost ? "lost" : "won") : given.status.toLowerCase(),
      reason: given.reason ?? null,
      due_at: given.seller_response_due_date ?? null,
      created_at: given.create_time,
      closed_at: isClosed ? (given.update_time ?? null) : null,
    },
  };
}

/**
 * Converts a subscription of PayPal to the database's form. Its period is the one that the last payment paid for, because
 * PayPal's next payment date may be years ahead and a trial has no payment.
 *
 * Cancelling at PayPal stops further payments, so the subscription stays active and scheduled to end until the end of
 * the paid period. A suspended subscription has not paid the period after the last paid one.
 */
function snapshotOf(
  subscription: PaypalSubscription,
  plan: PaypalPlan | null,
  received: readonly Payment[],
  { livemode, now }: { livemode: boolean; now: number },
): Subscription {
  const { id, status, plan_id: price_id, status_update_time, start_time } = subscription;
  const payments = received.map((payment) => {
    const through = plan && addCycle(payment.paid_at, plan);
    const lines = through ? [{ price_id, from: payment.paid_at, through, proration: false }] : [];
    return { ...payment, lines };
  });
  const last =
    payments
      .map(({ lines }) => lines[0])
      .sort(byStart)
      .at(-1) ?? null;
  const statusAt = status_update_time ?? null;
  const snapshot = {
    provider: "paypal" as const,
    id,
    customer_id: null,
    livemode,
    user_id: metadataIdSchema.parse(subscription.custom_id ?? null),
    items: [{ price_id, start: last?.from ?? null, end: last?.through ?? null }],
    started_at: start_time ?? null,
    trial_end: null,
    cancel_at: null,
    ended_at: null,
    unpaid_since: null,
    status_at: statusAt,
    plan_overridden: subscription.plan_overridden ?? false,
    payments,
  };

  switch (status) {
    case "APPROVAL_PENDING":
      return { ...snapshot, status: "incomplete" };
    case "APPROVED":
      return { ...snapshot, status: "incomplete", approved: true };
    case "ACTIVE":
      return { ...snapshot, status: "active" };
    case "SUSPENDED":
      return { ...snapshot, status: "past_due", unpaid_since: last?.through ?? statusAt };
    case "CANCELLED": {
      const end = last?.through ?? statusAt;
      return end !== null && Date.parse(end) > now
        ? { ...snapshot, status: "active", cancel_at: end }
        : { ...snapshot, status: "canceled", ended_at: end };
    }
    case "EXPIRED":
      return { ...snapshot, status: "canceled", ended_at: statusAt ?? last?.through ?? null };
  }
}

function byStart(one: { from: string } | undefined, other: { from: string } | undefined): number {
  return (one?.from ?? "") < (other?.from ?? "") ? -1 : 1;
}

/** The end of the plan's regular period that begins at a time; in a shorter month, the 31st becomes the last day. */
function addCycle(from: string, plan: PaypalPlan): string | null {
  const cycle = plan.billing_cycles.find(({ tenure_type }) => tenure_type === "REGULAR");
  if (!cycle) return null;
  const { interval_unit: unit, interval_count: count } = cycle.frequency;
  const date = new Date(from);
  if (unit === "DAY" || unit === "WEEK") {
    date.setUTCDate(date.getUTCDate() + count * (unit === "DAY" ? 1 : 7));
    return date.toISOString();
  }
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + count * (unit === "MONTH" ? 1 : 12));
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, lastDay));
  return date.toISOString();
}
