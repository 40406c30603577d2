import { addMonths, day, hour, type Moment } from "../billing-reference/calendar.ts";
import {
  type Charge,
  type Invoice,
  type PackPurchase,
  type Price,
  type Provider,
  presentPrice,
  type Subscription,
} from "../billing-reference/truth.ts";

/** A subscription with the state that its provider keeps for itself. */
export interface ProviderSubscription extends Subscription {
  discount: number;
  /** The day that periods are counted from, and how many have begun since. */
  anchor: Moment;
  cycle: number;
  /** The price from the next period on. */
  nextPrice: Price | null;
  /** The latest invoice while it is unpaid, and when its payment is tried. */
  open: Invoice | null;
  attempts: Moment[];
}

/** The part of a webhook event that is used: which object has changed. */
export interface Hint {
  id: string;
  at: Moment;
  type: string;
  object: string;
}

export interface CustomerOptions {
  name: string;
  /** The status of a subscription after the last payment attempt has failed. */
  dunning: "unpaid" | "canceled";
}

export interface SubscribeOptions {
  trialDays: number;
  discount: number;
}

export type SimulatedProvider = ReturnType<typeof simulateProvider>;

const retriesAfter = [hour, 3 * day, 8 * day, 15 * day];

/**
 * Simulates what Stripe and PayPal do for one customer. Renewals, payment attempts and scheduled ends happen as time passes.
 * The amounts of changes are approximate, because only refunds depend on them.
 */
export function simulateProvider({ name, dunning }: CustomerOptions) {
  const subscriptions: ProviderSubscription[] = [];
  const packs: PackPurchase[] = [];
  const hints: Hint[] = [];
  let now: Moment = 0;
  let cardWorks = true;
  let serial = 0;

  const nextId = (prefix: string) => `${prefix}_${name}_${++serial}`;
  const emit = (object: { id: string }, type: string) =>
    hints.push({ id: nextId("evt"), at: now, type, object: object.id });

  const invoiceOf = (
    subscription: ProviderSubscription,
    kind: Invoice["kind"],
    period: { start: Moment; end: Moment },
    fullAmount: number,
  ): Invoice => {
    const price = presentPrice(subscription);
    const amount = Math.max(0, Math.floor((fullAmount * (100 - subscription.discount)) / 100));
    const invoice: Invoice = {
      ...{ id: nextId("in"), price, created: now, kind, ...period, amount },
      ...{ paidAt: amount === 0 ? now : null, refunds: [], disputes: [] },
    };
    subscription.invoices.push(invoice);
    return invoice;
  };

  const beginPeriod = (subscription: ProviderSubscription, start: Moment) => {
    const price = presentPrice(subscription);
    const end = addMonths(subscription.anchor, (subscription.cycle + 1) * price.months);
    subscription.period = { start, end };
    return invoiceOf(subscription, "period", subscription.period, price.amount);
  };

  const restartAnchor = (subscription: ProviderSubscription) => {
    subscription.anchor = now;
    subscription.cycle = 0;
  };

  const settle = (subscription: ProviderSubscription) => {
    subscription.open = null;
    subscription.attempts = [];
    subscription.status = "active";
  };

  const pay = (subscription: ProviderSubscription, invoice: Invoice) => {
    if (subscription.provider === "paypal" && invoice.start < now) {
      // At PayPal the next cycle is counted from the payment.
      restartAnchor(subscription);
      invoice.start = now;
      invoice.end = addMonths(now, invoice.price.months);
      subscription.period = { start: invoice.start, end: invoice.end };
    }
    invoice.paidAt = now;
    // Invoices of periods that were skipped while nothing was paid are void.
    subscription.invoices = subscription.invoices.filter(
      (other) => other.paidAt !== null || other.kind === "change",
    );
    settle(subscription);
    emit(subscription, "invoice.paid");
  };

  const end = (subscription: ProviderSubscription, unpaid: boolean) => {
    const expired = subscription.status === "incomplete" && unpaid;
    subscription.status = expired ? "incomplete_expired" : "canceled";
    subscription.endedAt = now;
    subscription.open = null;
    subscription.attempts = [];
    emit(subscription, "customer.subscription.deleted");
  };

  const attempt = (subscription: ProviderSubscription, invoice: Invoice) => {
    subscription.attempts.shift();
    if (cardWorks) {
      return pay(subscription, invoice);
    }
    if (subscription.attempts.length === 0 && subscription.provider === "stripe") {
      if (dunning === "canceled") {
        return end(subscription, true);
      }
      subscription.status = "unpaid";
      emit(subscription, "customer.subscription.updated");
    } else {
      subscription.status = "past_due";
      emit(subscription, "invoice.payment_failed");
    }
  };

  const renew = (subscription: ProviderSubscription) => {
    const before = presentPrice(subscription);
    if (subscription.nextPrice !== null) {
      subscription.moves.push({ at: now, price: subscription.nextPrice });
      subscription.nextPrice = null;
    }
    subscription.cycle += 1;
    if (presentPrice(subscription).months !== before.months || subscription.status === "trialing") {
      restartAnchor(subscription);
    }
    const invoice = beginPeriod(subscription, now);
    if (subscription.status === "trialing") {
      subscription.status = "active";
    }
    if (invoice.paidAt !== null) {
      settle(subscription);
      emit(subscription, "invoice.paid");
    } else if (subscription.status !== "unpaid") {
      subscription.open = invoice;
      subscription.attempts = attemptsOf(subscription, now);
      emit(subscription, "customer.subscription.updated");
    } else {
      subscription.open = invoice;
    }
  };

  /** The next thing that happens to a subscription as time passes. */
  const nextOf = (subscription: ProviderSubscription): { at: Moment; run(): void } | null => {
    if (subscription.endedAt !== null) {
      return null;
    }
    if (subscription.status === "incomplete") {
      return { at: subscription.created + 23 * hour, run: () => end(subscription, true) };
    }
    const { open, period, cancelAt } = subscription;
    const [attemptAt] = subscription.attempts;
    const turn = Math.min(period.end, cancelAt ?? Number.POSITIVE_INFINITY);
    if (open !== null && attemptAt !== undefined && attemptAt < turn) {
      return { at: attemptAt, run: () => attempt(subscription, open) };
    }
    if (cancelAt !== null && cancelAt <= period.end) {
      return { at: cancelAt, run: () => end(subscription, false) };
    }
    if (subscription.provider === "paypal" && open !== null) {
      return null;
    }
    return { at: period.end, run: () => renew(subscription) };
  };

  const nextOfAll = () =>
    subscriptions
      .map(nextOf)
      .filter((next) => next !== null)
      .sort((one, other) => one.at - other.at)[0];

  /** When the next such thing happens. */
  const nextAt = (): Moment => nextOfAll()?.at ?? Number.POSITIVE_INFINITY;

  const advance = (to: Moment) => {
    for (let due = nextOfAll(); due !== undefined && due.at <= to; due = nextOfAll()) {
      now = Math.max(now, due.at);
      due.run();
    }
    now = Math.max(now, to);
  };

  const subscribe = (price: Price, { trialDays, discount }: SubscribeOptions) => {
    const provider: Provider = price.provider;
    const subscription: ProviderSubscription = {
      ...{ id: nextId(provider === "stripe" ? "sub" : "I"), provider, customer: `cus_${name}` },
      ...{ created: now, status: "incomplete", moves: [{ at: now, price }] },
      ...{ period: { start: now, end: now }, invoices: [], trialEnd: null, cancelAt: null },
      ...{ endedAt: null, anchor: now, cycle: 0, discount, nextPrice: null },
      ...{ open: null, attempts: [] },
    };
    if (trialDays > 0) {
      subscription.trialEnd = now + trialDays * day;
      subscription.period = { start: now, end: subscription.trialEnd };
      subscription.status = "trialing";
      invoiceOf(subscription, "trial", subscription.period, 0);
    } else {
      const invoice = beginPeriod(subscription, now);
      if (invoice.paidAt !== null || cardWorks) {
        invoice.paidAt = now;
        settle(subscription);
      } else if (provider === "paypal") {
        return null;
      } else {
        subscription.open = invoice;
      }
    }
    subscriptions.push(subscription);
    emit(subscription, "customer.subscription.created");
    return subscription;
  };

  /** Moves to another price of the same interval, for the rest of the period. */
  const changePrice = (subscription: ProviderSubscription, price: Price) => {
    const before = presentPrice(subscription);
    subscription.moves.push({ at: now, price });
    subscription.nextPrice = null;
    if (subscription.status !== "trialing") {
      const { start, end: until } = subscription.period;
      const share = (until - now) / (until - start);
      const rest = { start: now, end: until };
      const difference = (price.amount - before.amount) * share;
      const invoice = invoiceOf(subscription, "change", rest, difference);
      if (invoice.paidAt === null && cardWorks) {
        invoice.paidAt = now;
      } else if (invoice.paidAt === null) {
        subscription.status = "past_due";
        subscription.open = invoice;
        subscription.attempts = attemptsOf(subscription, now).slice(1);
      }
    }
    emit(subscription, "customer.subscription.updated");
  };

  /** Moves to a price of another interval, with a new period from now on, if that can be paid. */
  const changeInterval = (subscription: ProviderSubscription, price: Price) => {
    subscription.nextPrice = null;
    if (subscription.status === "trialing") {
      subscription.moves.push({ at: now, price });
    } else if (cardWorks || subscription.discount === 100) {
      subscription.moves.push({ at: now, price });
      restartAnchor(subscription);
      beginPeriod(subscription, now).paidAt = now;
    }
    emit(subscription, "customer.subscription.updated");
  };

  const change = (subscription: ProviderSubscription, price: Price, atPeriodEnd: boolean) => {
    const present = presentPrice(subscription);
    const settled = subscription.open === null && subscription.cancelAt === null;
    const may = ["active", "trialing"].includes(subscription.status) && settled;
    if (
      !may ||
      subscription.provider === "paypal" ||
      present.plan.planType === price.plan.planType
    ) {
      return;
    }
    if (atPeriodEnd) {
      subscription.nextPrice = price;
    } else if (present.months === price.months) {
      changePrice(subscription, price);
    } else {
      changeInterval(subscription, price);
    }
  };

  const cancel = (subscription: ProviderSubscription, when: "now" | "soon" | "end") => {
    if (subscription.endedAt !== null || subscription.status === "incomplete") {
      return;
    }
    if (when === "now" || subscription.provider === "paypal") {
      return end(subscription, false);
    }
    const { end: until } = subscription.period;
    subscription.cancelAt = when === "end" ? until : Math.min(until, now + 10 * day);
    emit(subscription, "customer.subscription.updated");
  };

  const resume = (subscription: ProviderSubscription) => {
    if (subscription.endedAt === null && subscription.cancelAt !== null) {
      subscription.cancelAt = null;
      emit(subscription, "customer.subscription.updated");
    }
  };

  const setCard = (works: boolean) => {
    cardWorks = works;
    if (works) {
      for (const subscription of subscriptions) {
        if (subscription.open !== null && subscription.endedAt === null) {
          pay(subscription, subscription.open);
        }
      }
    }
  };

  const buyPack = (credits: number, amount: number, paid: boolean) => {
    const purchase: PackPurchase = {
      ...{ id: nextId("cs"), customer: `cus_${name}`, credits, amount },
      ...{ paidAt: paid ? now : null, refunds: [], disputes: [] },
    };
    packs.push(purchase);
    emit(purchase, "checkout.session.completed");
  };

  const payPacks = () => {
    for (const purchase of packs.filter(({ paidAt }) => paidAt === null)) {
      purchase.paidAt = now;
      emit(purchase, "checkout.session.async_payment_succeeded");
    }
  };

  /** Payments, newest first, each with the object that a hint about it names. */
  const payments = (of: "subscription" | "pack"): { charge: Charge; object: { id: string } }[] => {
    const paid = ({ paidAt, amount }: { paidAt: Moment | null; amount: number }) =>
      paidAt !== null && amount > 0;
    const all =
      of === "pack"
        ? packs.filter(paid).map((charge) => ({ charge, object: charge }))
        : subscriptions.flatMap((object) =>
            object.invoices.filter(paid).map((charge) => ({ charge, object })),
          );
    return all.reverse();
  };

  const refund = (of: "subscription" | "pack", nth: number, share: number) => {
    const payment = payments(of)[nth];
    if (payment === undefined || payment.charge.disputes.some(({ status }) => status !== "won")) {
      return;
    }
    const { charge, object } = payment;
    const rest = charge.amount - charge.refunds.reduce((sum, { amount }) => sum + amount, 0);
    const amount = share === 1 ? rest : Math.min(rest, Math.ceil(charge.amount * share));
    if (amount > 0) {
      charge.refunds.push({ id: nextId("re"), at: now, amount });
      emit(object, "charge.refunded");
    }
  };

  const dispute = (of: "subscription" | "pack", nth: number) => {
    const payment = payments(of)[nth];
    if (
      payment !== undefined &&
      payment.charge.disputes.length + payment.charge.refunds.length === 0
    ) {
      const { charge, object } = payment;
      charge.disputes.push({ id: nextId("dp"), at: now, amount: charge.amount, status: "open" });
      emit(object, "charge.dispute.created");
    }
  };

  const closeDisputes = (status: "won" | "lost") => {
    for (const { charge, object } of [...payments("subscription"), ...payments("pack")]) {
      for (const one of charge.disputes.filter((each) => each.status === "open")) {
        one.status = status;
        emit(object, "charge.dispute.closed");
      }
    }
  };

  return {
    ...{ name, subscriptions, packs, hints },
    ...{ advance, nextAt, subscribe, change, cancel, resume, setCard },
    ...{ buyPack, payPacks, refund, dispute, closeDisputes },
  };
}

function attemptsOf({ provider }: Subscription, start: Moment): Moment[] {
  return provider === "stripe"
    ? retriesAfter.map((after) => start + after)
    : [0, 3 * day, 6 * day].map((after) => start + after);
}
