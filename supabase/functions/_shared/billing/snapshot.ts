/** The payment providers. */
export type ProviderName = "stripe" | "paypal";

/** The eight states of a subscription, which are Stripe's. */
export type SubscriptionStatus =
  | "incomplete"
  | "incomplete_expired"
  | "trialing"
  | "active"
  | "past_due"
  | "canceled"
  | "unpaid"
  | "paused";

/** Money that was given back. Amounts are in the smallest unit, times ISO 8601. */
export interface Refund {
  id: string;
  amount: number;
  currency: string;
  status: string;
  reason: string | null;
  created_at: string;
}

/** A payment that its payer contests. The status is `lost`, `won`, or anything else while it is open. */
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

/** What a payment was for. A proration says on which price the subscription is since `from`. */
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
  /** What was really paid. */
  amount: number;
  lines: PaymentLine[];
  refunds: Refund[];
  disputes: Dispute[];
}

/** A subscription as its provider tells it, in the one form that the database takes. Times are ISO 8601. */
export interface Subscription {
  provider: ProviderName;
  id: string;
  customer_id: string | null;
  livemode: boolean;
  /** Whose the provider says it is. The database decides whether to believe that. */
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
  /** PayPal: somebody changed the plan's terms for this subscription alone. */
  plan_overridden?: boolean;
  /** PayPal: the buyer has approved, and we have not activated it. */
  approved?: boolean;
  /** What recurring discounts take off each period: first a percentage, then an amount in the smallest unit. */
  discount?: { percent: number; amount: number };
  payments: Payment[];
  /** Moves to another price that no paid invoice tells of. */
  changes?: { price_id: string; at: string }[];
}

/** A subscription that its provider does not have. */
export interface MissingSubscription {
  provider: ProviderName;
  id: string;
  livemode: boolean;
  missing: true;
}

/** What a read of one subscription gives. */
export type Snapshot = Subscription | MissingSubscription;

/** A credit pack that was bought, or is being bought. */
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

/** What an event means to the database, which alone decides what becomes of it. */
export type Effect =
  /** `other_mode`: the mode of an event that the keys of the functions are not for. */
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
      /** Null while the money is under way. */
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

/** Seconds since 1970 as ISO 8601. */
export function isoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
