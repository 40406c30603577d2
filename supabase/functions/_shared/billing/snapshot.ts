import { z } from "zod";

/** The payment providers. */
export type ProviderName = "stripe" | "paypal";

/** The states of a subscription, which are Stripe's eight. */
export type SubscriptionStatus =
  | "incomplete"
  | "incomplete_expired"
  | "trialing"
  | "active"
  | "past_due"
  | "canceled"
  | "unpaid"
  | "paused";

/** A refund. Amounts are in the currency's smallest unit, times are ISO 8601. */
export interface Refund {
  id: string;
  amount: number;
  currency: string;
  status: string;
  reason: string | null;
  created_at: string;
}

/** A dispute of a payment. The status is `lost`, `won`, or any other text while it is open. */
export interface Dispute {
  id: string;
  amount: number;
  currency: string;
  status: string;
  reason: string | null;
  due_at: string | null;
  created_at: string;
  closed_at: string | null;
}

/** What a payment was for. A proration means that the subscription has had this price since `from`. */
export interface PaymentLine {
  price_id: string;
  from: string;
  through: string;
  proration: boolean;
}

/** A payment that was received, or that a discount of 100 % made unnecessary. */
export interface Payment {
  id: string;
  paid_at: string;
  currency: string;
  /** The amount that was paid. */
  amount: number;
  lines: PaymentLine[];
  refunds: Refund[];
  disputes: Dispute[];
}

/** A subscription as its provider describes it, in the form that the database takes from all providers. Times are ISO 8601. */
export interface Subscription {
  provider: ProviderName;
  id: string;
  customer_id: string | null;
  livemode: boolean;
  /** The user's id in the provider's metadata. The database decides whether to trust it. */
  user_id: string | null;
  status: SubscriptionStatus;
  items: { price_id: string; start: string | null; end: string | null }[];
  started_at: string | null;
  trial_end: string | null;
  cancel_at: string | null;
  ended_at: string | null;
  /** Start of the oldest period whose invoice is not paid. */
  unpaid_since: string | null;
  status_at: string | null;
  /** PayPal: whether this subscription has other terms than its plan. */
  plan_overridden?: boolean;
  /** PayPal: whether the buyer has approved it and it is not yet activated. */
  approved?: boolean;
  /** The recurring discount of each period: first a percentage, then an amount in the smallest unit. */
  discount?: { percent: number; amount: number };
  payments: Payment[];
  /** Changes of price that are not on a paid invoice. */
  changes?: { price_id: string; at: string }[];
}

/** A subscription that does not exist at its provider. */
export interface MissingSubscription {
  provider: ProviderName;
  id: string;
  livemode: boolean;
  missing: true;
}

/** The result of reading one subscription. */
export type Snapshot = Subscription | MissingSubscription;

/** The checkout of a credit pack. */
export interface Purchase {
  provider: ProviderName;
  session_id: string;
  customer_id: string | null;
  user_id: string | null;
  livemode: boolean;
  status: "paid" | "unpaid" | "failed";
  items: { price_id: string; quantity: number }[];
  payment: Payment | null;
}

/** What the database is to apply because of an event. */
export type Effect =
  /** `other_mode` is the event's mode where it is not the mode of the functions' keys. */
  | { kind: "ignored"; reason: string; other_mode?: "live" | "test" }
  | { kind: "parked"; reason: string; waits_for: string }
  | { kind: "subscription"; snapshot: Snapshot }
  | { kind: "snapshots"; snapshots: Snapshot[] }
  | {
      kind: "checkout";
      session_id: string;
      attempt: string | null;
      customer_id: string | null;
      user_id: string | null;
      /** Null while the payment is pending. */
      completed: boolean | null;
      snapshot: Snapshot | null;
      purchase: Purchase | null;
    }
  | { kind: "purchase"; purchase: Purchase }
  | { kind: "customer_deleted"; customer_id: string; snapshots: Snapshot[] }
  | {
      kind: "incident";
      payment_id: string | null;
      customer_id: string | null;
      user_id: string | null;
      refunds: Refund[];
      disputes: Dispute[];
    };

/** The effect of an event that is not used. */
export function ignored(reason: string): Effect {
  return { kind: "ignored", reason };
}

/** The effect of an event about an object that the provider does not have yet. */
export function parked(title: string, id: string): Effect {
  return { kind: "parked", reason: `${title} has no object ${id}.`, waits_for: `object:${id}` };
}

/** One of our ids in a provider's metadata. Anything else counts as null, because others can write there too. */
export const metadataIdSchema = z.uuid().nullable().catch(null);

/** Seconds since 1970 as ISO 8601. */
export function isoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
