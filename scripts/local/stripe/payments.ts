import { z } from "zod";
import { invalidRequest, missing, type StripeError } from "./errors.ts";
import { findMethod, outcomeOf, shipping } from "./payment-methods.ts";
import {
  created,
  flag,
  keep,
  metadata,
  nowInSeconds,
  pageOf,
  paging,
  params,
  type Route,
  route,
  type Store,
  type StripeObject,
  wholeNumber,
} from "./route.ts";

/** What is to be paid, and by whom. */
export interface Bill {
  amount: number;
  currency: string;
  customer: string | null;
  description?: string | null;
  /** Taken later: only an authorization is made. */
  manual?: boolean;
}

const ofCharge = { charge: z.string().optional(), payment_intent: z.string().optional() };

/** Payment intents, refunds and disputes: https://docs.stripe.com/api/payment_intents */
export const paymentRoutes: Route[] = [
  route(
    "POST",
    "/v1/payment_intents",
    params({
      amount: wholeNumber,
      currency: z.string().length(3),
      customer: z.string().optional(),
      description: z.string().optional(),
      payment_method: z.string().optional(),
      payment_method_types: z.array(z.enum(["card", "sepa_debit"])).optional(),
      confirm: flag.default(false),
      capture_method: z.enum(["automatic", "manual"]).default("automatic"),
      confirmation_method: z.enum(["automatic", "manual"]).optional(),
      return_url: z.url().optional(),
      shipping: shipping.optional(),
      mandate_data: z
        .strictObject({
          customer_acceptance: z.strictObject({
            accepted_at: wholeNumber.optional(),
            type: z.enum(["offline"]),
          }),
        })
        .optional(),
      metadata,
    }),
    (given, _, store) => {
      const { amount, currency, customer = null, description = null } = given;
      if (customer !== null && !store.all("customer").has(customer)) {
        return missing("customer", customer);
      }
      const method = given.payment_method ? findMethod(store, given.payment_method) : null;
      if (given.payment_method && !method) return missing("PaymentMethod", given.payment_method);
      const manual = given.capture_method === "manual";
      const bill = { amount, currency, customer, description, manual };
      const intent = newIntent(store, bill, given.metadata);
      if (!given.confirm) return intent;
      if (!method) return invalidRequest("parameter_missing", "A payment method is needed.");
      confirm(store, intent, method, bill);
      return intent.status === "requires_payment_method" ? declined() : intent;
    },
  ),
  route("POST", "/v1/payment_intents/:id/capture", params({}), (_, id, store) => {
    const intent = store.all("payment_intent").get(id);
    if (!intent) return missing("payment_intent", id);
    const charge = store.all("charge").get(String(intent.latest_charge));
    if (intent.status !== "requires_capture" || !charge) return wrongStatus("capture", intent);
    Object.assign(charge, { captured: true });
    Object.assign(intent, { status: "succeeded" });
    store.emit("charge.captured", charge);
    store.emit("payment_intent.succeeded", intent);
    return intent;
  }),
  route(
    "POST",
    "/v1/payment_intents/:id/cancel",
    params({
      cancellation_reason: z
        .enum(["abandoned", "duplicate", "fraudulent", "requested_by_customer"])
        .optional(),
    }),
    (_, id, store) => {
      const intent = store.all("payment_intent").get(id);
      if (!intent) return missing("payment_intent", id);
      if (["canceled", "processing", "succeeded"].includes(String(intent.status))) {
        return wrongStatus("cancel", intent);
      }
      Object.assign(intent, { status: "canceled" });
      store.emit("payment_intent.canceled", intent);
      return intent;
    },
  ),
  route(
    "POST",
    "/v1/refunds",
    params({
      payment_intent: z.string().optional(),
      charge: z.string().optional(),
      amount: wholeNumber.optional(),
      reason: z.enum(["duplicate", "fraudulent", "requested_by_customer"]).optional(),
      metadata,
    }),
    (given, _, store) => {
      const intent = store.all("payment_intent").get(given.payment_intent ?? "");
      const charge = store.all("charge").get(given.charge ?? String(intent?.latest_charge));
      if (!charge) return missing("payment_intent", given.payment_intent ?? "");
      if (charge.refunded) {
        const message = `Charge ${charge.id} has already been refunded.`;
        return invalidRequest("charge_already_refunded", message);
      }
      const left = Number(charge.amount) - Number(charge.amount_refunded);
      const { amount = left, reason = null } = given;
      if (amount <= 0)
        return invalidRequest("parameter_invalid_integer", "Invalid positive integer");
      if (amount > left) {
        const message = `Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`;
        return invalidRequest("", message, "amount");
      }
      const { currency, payment_intent } = charge;
      const money = { amount, currency, payment_intent, charge: charge.id, reason };
      const amount_refunded = Number(charge.amount_refunded) + amount;
      Object.assign(charge, { refunded: amount === left, amount_refunded });
      const kept = keep(store, "re", "refund", { ...money, status: "succeeded" }, given.metadata);
      store.emit("refund.created", kept);
      store.emit("charge.refunded", charge);
      return kept;
    },
  ),
  route("POST", "/v1/refunds/:id", params({ metadata }), (given, id, store) => {
    const refund = store.all("refund").get(id);
    if (!refund) return missing("refund", id);
    Object.assign(refund, { metadata: given.metadata });
    store.emit("refund.updated", refund);
    store.emit("charge.refund.updated", refund);
    return refund;
  }),
  route("GET", "/v1/refunds", params({ ...paging, created, ...ofCharge }), (given, _, store) =>
    pageOf("/v1/refunds", ownOf(store, "refund", given), given),
  ),
  route("GET", "/v1/refunds/:id", params({}), (given, id, store) => {
    const refund = store.all("refund").get(id);
    return refund ? withCharge(store, refund, given.expand) : missing("refund", id);
  }),
  route("GET", "/v1/disputes", params({ ...paging, created, ...ofCharge }), (given, _, store) =>
    pageOf("/v1/disputes", ownOf(store, "dispute", given), given),
  ),
  route("GET", "/v1/disputes/:id", params({}), (given, id, store) => {
    const dispute = store.all("dispute").get(id);
    return dispute ? withCharge(store, dispute, given.expand) : missing("dispute", id);
  }),
  route(
    "GET",
    "/v1/charges",
    params({
      ...paging,
      created,
      customer: z.string().optional(),
      payment_intent: z.string().optional(),
    }),
    (given, _, store) => {
      const found = [...store.all("charge").values()].filter(
        ({ customer, payment_intent }) =>
          (given.customer === undefined || customer === given.customer) &&
          (given.payment_intent === undefined || payment_intent === given.payment_intent),
      );
      const isWanted = given.expand?.includes("data.refunds") ?? false;
      return pageOf(
        "/v1/charges",
        found.map((charge) => (isWanted ? withRefunds(store, charge) : charge)),
        given,
      );
    },
  ),
  route("GET", "/v1/charges/:id", params({}), (_, id, store) => {
    return store.all("charge").get(id) ?? missing("charge", id);
  }),
  route("POST", "/v1/disputes/:id", params({ metadata }), (given, id, store) => {
    const dispute = store.all("dispute").get(id);
    if (!dispute) return missing("dispute", id);
    Object.assign(dispute, { metadata: given.metadata });
    store.emit("charge.dispute.updated", dispute);
    return dispute;
  }),
  route("POST", "/v1/disputes/:id/close", params({}), (_, id, store) => {
    const dispute = store.all("dispute").get(id);
    if (!dispute) return missing("dispute", id);
    Object.assign(dispute, { status: "lost" });
    store.emit("charge.dispute.closed", dispute);
    return dispute;
  }),
];

function ownOf(
  store: Store,
  kind: string,
  given: { charge?: string | undefined; payment_intent?: string | undefined },
): StripeObject[] {
  return [...store.all(kind).values()].filter(
    ({ charge, payment_intent }) =>
      (given.charge === undefined || charge === given.charge) &&
      (given.payment_intent === undefined || payment_intent === given.payment_intent),
  );
}

function withCharge(store: Store, object: StripeObject, expand: string[] = []): StripeObject {
  const charge = expand.includes("charge") && store.all("charge").get(String(object.charge));
  return charge ? { ...object, charge } : object;
}

function withRefunds(store: Store, charge: StripeObject): StripeObject {
  const data = ownOf(store, "refund", { charge: charge.id }).reverse();
  return { ...charge, refunds: { object: "list", data, has_more: false } };
}

/** Tries to take a bill's amount from a payment method. The intent's status says what came of it. */
export function pay(store: Store, bill: Bill, method: StripeObject): StripeObject {
  const intent = newIntent(store, bill);
  confirm(store, intent, method, bill);
  return intent;
}

/** The money of a bank debit comes, or does not. */
export function settle(store: Store, intent: StripeObject, comes: boolean): void {
  const charge = store.all("charge").get(String(intent.latest_charge));
  if (charge) Object.assign(charge, { status: comes ? "succeeded" : "failed", paid: comes });
  Object.assign(intent, { status: comes ? "succeeded" : "requires_payment_method" });
  const event = comes ? "succeeded" : "payment_failed";
  if (charge) store.emit(comes ? "charge.succeeded" : "charge.failed", charge);
  store.emit(`payment_intent.${event}`, intent);
}

/** A card that was refused, as Stripe answers it. */
export function declined(): StripeError {
  const message = "Your card was declined.";
  return { status: 402, error: { type: "card_error", code: "card_declined", message } };
}

function newIntent(store: Store, bill: Bill, given: Record<string, string> = {}): StripeObject {
  const { amount, currency, customer, description = null, manual = false } = bill;
  const intent = {
    amount,
    currency,
    customer,
    description,
    status: "requires_payment_method",
    capture_method: manual ? "manual" : "automatic",
    payment_method: null,
    latest_charge: null,
  };
  const kept = keep(store, "pi", "payment_intent", intent, given);
  store.emit("payment_intent.created", kept);
  return kept;
}

function confirm(store: Store, intent: StripeObject, method: StripeObject, bill: Bill): void {
  const outcome = outcomeOf(method);
  intent.payment_method = method.id;
  if (outcome === "needs action") {
    intent.status = "requires_action";
    store.emit("payment_intent.requires_action", intent);
    return;
  }
  const isPending = outcome === "settles" || outcome === "bounces";
  const isDeclined = outcome === "is declined";
  const { amount, currency, customer, description = null, manual = false } = bill;
  const charge = keep(store, "ch", "charge", {
    amount,
    amount_refunded: 0,
    currency,
    customer,
    description,
    payment_intent: intent.id,
    payment_method: method.id,
    status: isPending ? "pending" : isDeclined ? "failed" : "succeeded",
    paid: !isPending && !isDeclined,
    captured: !isDeclined && !manual,
    refunded: false,
    disputed: outcome === "is disputed",
  });
  intent.latest_charge = charge.id;
  if (isPending) {
    intent.status = "processing";
    store.emit("charge.pending", charge);
    store.emit("payment_intent.processing", intent);
  } else if (isDeclined) {
    store.emit("charge.failed", charge);
    store.emit("payment_intent.payment_failed", intent);
  } else if (manual) {
    intent.status = "requires_capture";
    store.emit("charge.succeeded", charge);
    store.emit("payment_intent.amount_capturable_updated", intent);
  } else {
    intent.status = "succeeded";
    store.emit("charge.succeeded", charge);
    store.emit("payment_intent.succeeded", intent);
  }
  if (outcome === "is disputed") openDispute(store, charge, "warning_needs_response");
}

/** The bank of a customer contests a charge. */
export function openDispute(
  store: Store,
  charge: StripeObject,
  status = "needs_response",
): StripeObject {
  const { id, amount, currency, payment_intent } = charge;
  const evidence_details = { due_by: nowInSeconds(store) + 7 * 86_400 };
  const about = { charge: id, amount, currency, payment_intent, reason: "fraudulent" };
  charge.disputed = true;
  const dispute = keep(store, "du", "dispute", { ...about, status, evidence_details });
  store.emit("charge.dispute.created", dispute);
  return dispute;
}

function wrongStatus(verb: string, { id, status }: StripeObject): StripeError {
  const message = `You cannot ${verb} this PaymentIntent (${id}) because it has a status of ${status}.`;
  return invalidRequest("payment_intent_unexpected_state", message);
}
