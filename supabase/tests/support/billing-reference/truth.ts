import type { Moment } from "./calendar.ts";

/**
 * What is true of a customer: everything that the payment provider did, with the time of each, and what
 * we did ourselves. The reference computes from this alone, and never from what was heard of it.
 */
export interface Plan {
  planType: string;
  monthlyCredits: number;
}

export interface Price {
  id: string;
  provider: Provider;
  plan: Plan;
  /** Smallest unit of the currency. */
  amount: number;
  /** Length of a period: 1, 12, or n for a price by n months. */
  months: number;
}

export type Provider = "stripe" | "paypal";

/** Stripe's eight, to which PayPal's are mapped; `canceled` at PayPal may have been paid for further. */
export type Status =
  | "incomplete"
  | "incomplete_expired"
  | "trialing"
  | "active"
  | "past_due"
  | "unpaid"
  | "canceled"
  | "paused";

/** Money that went back, or is fought over. Amounts in the smallest unit. */
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
   * `trial`: nothing was asked for. `period`: a whole period. `change`: the rest of a running period on
   * another price of the same interval.
   */
  kind: "trial" | "period" | "change";
  start: Moment;
  end: Moment;
  /** An invoice of 0 after a discount of 100 % is paid when it is created. */
  paidAt: Moment | null;
}

export interface Subscription {
  id: string;
  /** What is taken off every invoice, in percent; 0 where it is not there. */
  discount?: number;
  provider: Provider;
  customer: string;
  created: Moment;
  status: Status;
  /** The prices it was on, oldest first; the last is the present one. */
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
 * From when to when a subscription entitled to nothing because we revoked it or heard that it is
 * `unpaid`; `to` is null while it lasts. The provider keeps no history of either.
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
    throw new Error("A subscription has a price from its beginning.");
  }
  return last.price;
}
