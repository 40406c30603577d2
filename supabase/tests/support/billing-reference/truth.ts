import type { Moment } from "./calendar.ts";

/**
 * Everything that really happened to a customer, at the payment provider and by us, each with its time. The reference
 * computes from this alone, never from the events that were received.
 */
export interface Plan {
  planType: string;
  monthlyCredits: number;
}

export interface Price {
  id: string;
  provider: Provider;
  plan: Plan;
  /** In the smallest unit of the currency. */
  amount: number;
  /** Length of a period: 1, 12, or n for a price by n months. */
  months: number;
}

export type Provider = "stripe" | "paypal";

/** Stripe's eight statuses, to which PayPal's are mapped. A `canceled` one at PayPal may be paid for beyond that. */
export type Status =
  | "incomplete"
  | "incomplete_expired"
  | "trialing"
  | "active"
  | "past_due"
  | "unpaid"
  | "canceled"
  | "paused";

/** A payment with its refunds and disputes. Amounts are in the smallest unit. */
export interface Charge {
  amount: number;
  refunds: { id: string; at: Moment; amount: number }[];
  disputes: { id: string; at: Moment; amount: number; status: "open" | "won" | "lost" }[];
}

export interface Invoice extends Charge {
  id: string;
  price: Price;
  created: Moment;
  /**
   * `trial`: free. `period`: a whole period. `change`: the rest of a running period at another price of the same interval.
   */
  kind: "trial" | "period" | "change";
  start: Moment;
  end: Moment;
  /** An invoice of 0 after a discount of 100 % is paid when it is created. */
  paidAt: Moment | null;
}

export interface Subscription {
  id: string;
  /** The discount on every invoice, in percent; 0 by default. */
  discount?: number;
  provider: Provider;
  customer: string;
  created: Moment;
  status: Status;
  /** The prices that it has had, oldest first; the last is the present one. */
  moves: { at: Moment; price: Price }[];
  period: { start: Moment; end: Moment };
  invoices: Invoice[];
  trialEnd: Moment | null;
  /** When it is scheduled to end. */
  cancelAt: Moment | null;
  endedAt: Moment | null;
}

export interface PackPurchase extends Charge {
  id: string;
  customer: string;
  credits: number;
  /** Null while a delayed payment has not succeeded. */
  paidAt: Moment | null;
}

/**
 * A time in which a subscription entitles to nothing, because we revoked it or read that it is `unpaid`. `to` is null while
 * it lasts. The provider keeps no history of either.
 */
export interface Interruption {
  why: "revoked" | "unpaid";
  from: Moment;
  to: Moment | null;
}

/** The price that a subscription has after all its moves. */
export function presentPrice({ moves }: Subscription): Price {
  const last = moves.at(-1);
  if (last === undefined) {
    throw new Error("The subscription has no price.");
  }
  return last.price;
}
