import type Stripe from "stripe";
import { type Dispute, isoTime, type Refund } from "../billing/snapshot.ts";

/** What happened to a payment after it was made. */
export interface Money {
  refunds: Refund[];
  disputes: Dispute[];
  /** When an attempt last failed, in seconds since 1970. */
  lastFailure: number | null;
}

/** The parts of Stripe's client that read refunds and disputes. */
export type MoneyStripe = Pick<Stripe, "charges" | "disputes">;

/** The states of disputes that ended without a loss: https://docs.stripe.com/disputes/how-disputes-work */
const notLost = ["won", "warning_closed", "prevented"];

/**
 * Reads the refunds and disputes of charges. The keys are the ids of payment intents, or of charges that have none.
 *
 * @throws what Stripe's client throws
 */
export async function readMoney(
  stripe: MoneyStripe,
  of: { customer: string } | { payment_intent: string },
): Promise<Map<string, Money>> {
  const list = stripe.charges.list({ ...of, limit: 100, expand: ["data.refunds"] });
  const money = new Map<string, Money>();
  for await (const charge of list) {
    const key = idOf(charge.payment_intent) ?? charge.id;
    const known = money.get(key) ?? { refunds: [], disputes: [], lastFailure: null };
    money.set(key, known);
    for (const refund of charge.refunds?.data ?? []) {
      known.refunds.push({
        id: refund.id,
        amount: refund.amount,
        currency: refund.currency,
        status: refund.status ?? "pending",
        reason: refund.reason,
        created_at: isoTime(refund.created),
      });
    }
    if (charge.disputed) {
      for await (const one of stripe.disputes.list({ charge: charge.id, limit: 100 })) {
        known.disputes.push(disputeOf(one));
      }
    }
    if (charge.status === "failed") {
      known.lastFailure = Math.max(known.lastFailure ?? 0, charge.created);
    }
  }
  return money;
}

function disputeOf(dispute: Stripe.Dispute): Dispute {
  const { id, amount, currency, status, reason, evidence_details, created } = dispute;
  const due = evidence_details?.due_by ?? null;
  return {
    id,
    amount,
    currency,
    status: notLost.includes(status) ? "won" : status,
    reason,
    due_at: due === null ? null : isoTime(due),
    created_at: isoTime(created),
    closed_at: null,
  };
}

/** The id of an object that may be expanded. */
export function idOf(reference: string | { id: string } | null | undefined): string | null {
  return typeof reference === "string" ? reference : (reference?.id ?? null);
}
