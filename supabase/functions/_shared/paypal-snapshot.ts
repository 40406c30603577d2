import { z } from "zod";
import type { PaypalPlan, PaypalSubscription } from "./paypal-objects.ts";
import type { Snapshot } from "./snapshot.ts";

/**
 * A subscription of PayPal in the database's form; null for one that does not carry a user of ours. PayPal has no
 * customers: the user whose id we wrote into it stands for one.
 *
 * PayPal's cancelling ends the next payment and not what was paid for: until then the subscription is one that is
 * scheduled to end. One that is suspended owes the period that began when the last one ran out.
 */
export function paypalSnapshot(
  subscription: PaypalSubscription,
  plan: PaypalPlan,
  { livemode, now }: { livemode: boolean; now: number },
): Snapshot | null {
  const userId = z.uuid().safeParse(subscription.custom_id);
  if (!userId.success) return null;

  const { id, status, plan_id: priceId, billing_info: billing } = subscription;
  const lastPaid = toIso(billing?.last_payment?.time);
  const paidThrough = lastPaid && addInterval(lastPaid, plan, 1);
  const isPayment = Number(billing?.last_payment?.amount?.value ?? 0) > 0;
  const start = lastPaid ?? toIso(subscription.start_time);
  const snapshot: Omit<Snapshot, "status"> = {
    provider: "paypal",
    id,
    customer_id: userId.data,
    livemode,
    price_ids: [priceId],
    periods: {},
    period_start: start,
    period_end: toIso(billing?.next_billing_time) ?? (start && addInterval(start, plan, 1)),
    cancel_at: null,
    ended_at: null,
    paid: false,
    payments:
      lastPaid && paidThrough && isPayment
        ? [{ price_ids: [priceId], from: lastPaid, through: paidThrough }]
        : [],
    user_id: userId.data,
  };

  switch (status) {
    case "APPROVAL_PENDING":
    case "APPROVED":
      return { ...snapshot, status: "incomplete" };
    case "ACTIVE":
      return { ...snapshot, status: "active" };
    case "SUSPENDED":
      return {
        ...snapshot,
        status: "past_due",
        period_start: paidThrough ?? start,
        period_end: lastPaid && addInterval(lastPaid, plan, 2),
      };
    case "CANCELLED":
    case "EXPIRED": {
      const end = paidThrough ?? toIso(subscription.status_update_time);
      const isOver = status === "EXPIRED" || end === null || Date.parse(end) <= now;
      return {
        ...snapshot,
        status: isOver ? "canceled" : "active",
        period_end: end,
        cancel_at: isOver ? null : end,
        ended_at: isOver ? end : null,
      };
    }
  }
}

/** The plan's regular period from a time on, several times over; the 31st becomes the last of a shorter month. */
function addInterval(from: string, plan: PaypalPlan, times: number): string | null {
  const cycle = plan.billing_cycles.find(({ tenure_type }) => tenure_type === "REGULAR");
  if (!cycle) return null;
  const { interval_unit: unit, interval_count } = cycle.frequency;
  const count = interval_count * times;
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

function toIso(time: string | null | undefined): string | null {
  return time ? new Date(time).toISOString() : null;
}
