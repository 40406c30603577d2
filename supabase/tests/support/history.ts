import { randomUUID } from "node:crypto";
import { newEvent, prices, type SentEvent } from "./billing.ts";

/** What can happen to a subscription. Impossible steps do nothing, as a press on a missing button. */
export const steps = [
  "start_trial",
  "activate",
  "renew",
  "pay",
  "fail",
  "recover",
  "schedule_end",
  "schedule_end_by_flag",
  "keep",
  "change_plan",
  "pause",
  "resume",
  "end",
] as const;

export type Step = (typeof steps)[number];

type Price = keyof typeof prices;

interface State {
  status: string;
  price: Price;
  start: number;
  end: number;
  cancelAt: number | null;
  byFlag: boolean;
  endedAt: number | null;
  isPaid: boolean;
  isTrial: boolean;
}

/** One point of a history: what Stripe sent, and what it would have answered then. */
export interface Moment {
  event: SentEvent;
  subscription: Record<string, unknown> & { id: string };
}

const day = 86_400;
const over = ["canceled", "incomplete_expired"];

/**
 * Plays a history at a Stripe of its own, in whole seconds as there, and gives what was sent. The clock moves by
 * days, and not at all between a beginning and what follows at once.
 *
 * @param lengths days of a month and of a year
 */
export function playHistory(
  userId: string,
  given: readonly Step[],
  { from, monthly = 30, yearly = 365 }: { from: number; monthly?: number; yearly?: number },
): Moment[] {
  const id = `sub_${randomUUID().slice(0, 18)}`;
  const customer = `cus_${userId.slice(0, 18)}`;
  const moments: Moment[] = [];
  const lengths = { monthly: monthly * day, yearly: yearly * day };
  let clock = from;
  let invoices = 0;
  let state: State = {
    status: "incomplete",
    price: "monthly",
    start: clock,
    end: clock + lengths.monthly,
    cancelAt: null,
    byFlag: false,
    endedAt: null,
    isPaid: false,
    isTrial: false,
  };

  const item = () => ({
    price: { id: prices[state.price] },
    current_period_start: state.start,
    current_period_end: state.end,
  });
  const invoice = () => ({
    id: `in_${id}_${invoices}`,
    object: "invoice",
    customer,
    status: state.isPaid ? "paid" : "open",
    amount_remaining: state.isPaid ? 0 : 900,
    parent: { subscription_details: { subscription: id, metadata: { pinebase_user_id: userId } } },
    lines: {
      data: [
        {
          amount: state.isTrial ? 0 : 900,
          period: { start: state.start, end: state.end },
          pricing: { price_details: { price: prices[state.price] } },
          parent: { subscription_item_details: { subscription: id, proration: false } },
        },
      ],
    },
  });
  const subscription = (expanded: boolean) => ({
    id,
    object: "subscription",
    customer,
    livemode: false,
    status: state.status,
    metadata: { pinebase_user_id: userId },
    cancel_at: state.byFlag ? null : state.cancelAt,
    cancel_at_period_end: state.byFlag,
    ended_at: state.endedAt,
    items: { data: [item()] },
    latest_invoice: expanded ? invoice() : `in_${id}_${invoices}`,
  });
  const tell = (type: string, object: object = subscription(false)) => {
    moments.push({ event: newEvent(type, object, clock), subscription: subscription(true) });
  };
  const change = (next: Partial<State>, type = "customer.subscription.updated") => {
    state = { ...state, ...next };
    tell(type);
  };

  tell("customer.subscription.created");
  for (const step of given) {
    const { status } = state;
    if (over.includes(status)) break;
    // What a payment answers at once happens within the second of the beginning.
    if (step !== "activate" && step !== "start_trial") clock += day;
    switch (step) {
      case "start_trial":
        if (status === "incomplete") change({ status: "trialing", isPaid: true, isTrial: true });
        break;
      case "activate":
        if (status !== "incomplete") break;
        change({ status: "active", isPaid: true });
        clock += 1;
        tell("invoice.paid", invoice());
        break;
      case "renew":
        if (!["active", "trialing"].includes(status) || state.cancelAt !== null) break;
        clock = Math.max(clock, state.end);
        invoices += 1;
        change({
          status: "active",
          isPaid: false,
          isTrial: false,
          start: state.end,
          end: state.end + lengths[state.price],
        });
        break;
      case "pay":
        if (status !== "active" || state.isPaid) break;
        state = { ...state, isPaid: true };
        tell("invoice.paid", invoice());
        clock += 1;
        tell("invoice.payment_succeeded", invoice());
        break;
      case "fail":
        if (status === "active" && !state.isPaid) change({ status: "past_due" });
        break;
      case "recover":
        if (status !== "past_due") break;
        change({ status: "active", isPaid: true });
        clock += 1;
        tell("invoice.paid", invoice());
        break;
      case "schedule_end":
        if (status === "active") change({ cancelAt: state.end, byFlag: false });
        break;
      case "schedule_end_by_flag":
        if (status === "active") change({ cancelAt: state.end, byFlag: true });
        break;
      case "keep":
        if (state.cancelAt !== null) change({ cancelAt: null, byFlag: false });
        break;
      case "change_plan": {
        if (status !== "active" || !state.isPaid) break;
        const price: Price = state.price === "monthly" ? "yearly" : "monthly";
        invoices += 1;
        change({
          price,
          start: clock,
          end: clock + lengths[price],
          cancelAt: null,
          byFlag: false,
          isPaid: true,
        });
        clock += 1;
        tell("invoice.paid", invoice());
        break;
      }
      case "pause":
        if (status === "trialing") change({ status: "paused" }, "customer.subscription.paused");
        break;
      case "resume":
        if (status !== "paused") break;
        invoices += 1;
        change(
          {
            status: "active",
            start: clock,
            end: clock + lengths[state.price],
            isPaid: false,
            isTrial: false,
          },
          "customer.subscription.resumed",
        );
        break;
      case "end":
        change({ status: "canceled", endedAt: clock }, "customer.subscription.deleted");
        break;
    }
  }
  return moments;
}
