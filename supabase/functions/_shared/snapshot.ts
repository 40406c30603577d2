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

/** A period that an invoice says was paid for. Times are ISO 8601. */
export interface Payment {
  price_ids: string[];
  from: string;
  through: string;
}

/**
 * A subscription as its provider tells it, in the one form that the database takes. Times are ISO 8601; their
 * meaning stands in the migration that takes them.
 */
export interface Snapshot {
  provider: "stripe" | "paypal";
  id: string;
  customer_id: string;
  livemode: boolean;
  status: SubscriptionStatus;
  price_ids: string[];
  periods: Record<string, { start: string; end: string }>;
  period_start: string | null;
  period_end: string | null;
  cancel_at: string | null;
  ended_at: string | null;
  paid: boolean;
  payments: Payment[];
  user_id: string | null;
}

/** What an event means to the database, which alone decides what becomes of it. */
export type Effect =
  | { kind: "ignored" | "parked"; reason: string }
  | { kind: "subscription"; snapshot: Snapshot }
  | {
      kind: "payment";
      subscription_id: string;
      customer_id: string;
      user_id: string | null;
      payments: Payment[];
    }
  | {
      kind: "checkout";
      session_id: string;
      attempt: string | null;
      customer_id: string;
      user_id: string | null;
      /** Null while the money is under way. */
      completed: boolean | null;
      snapshot: Snapshot | null;
    }
  | { kind: "customer_deleted"; customer_id: string }
  | { kind: "incident"; customer_id: string | null; snapshots: Snapshot[] };

/** Seconds since 1970 as ISO 8601. */
export function isoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
