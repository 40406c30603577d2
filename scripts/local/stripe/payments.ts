import { z } from "zod";
import { invalidRequest, missing, type StripeError } from "./errors.ts";
import { findMethod, outcomeOf, shipping } from "./payment-methods.ts";
import {
  flag,
  keep,
  listOf,
  metadata,
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
    params({ payment_intent: z.string(), metadata }),
    (given, _, store) => {
      const intent = store.all("payment_intent").get(given.payment_intent);
      const charge = intent && store.all("charge").get(String(intent.latest_charge));
      if (!charge) return missing("payment_intent", given.payment_intent);
      if (charge.refunded) {
        const message = `Charge ${charge.id} has already been refunded.`;
        return invalidRequest("charge_already_refunded", message);
      }
      const { amount, currency, payment_intent } = charge;
      const refund = { amount, currency, payment_intent, charge: charge.id, status: "succeeded" };
      Object.assign(charge, { refunded: true, amount_refunded: amount });
      const kept = keep(store, "re", "refund", refund, given.metadata);
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
  route(
    "GET",
    "/v1/disputes",
    params({ payment_intent: z.string().optional() }),
    (given, _, store) => {
      const all = [...store.all("dispute").values()];
      const wanted = ({ payment_intent }: StripeObject) =>
        given.payment_intent === undefined || payment_intent === given.payment_intent;
      return listOf("/v1/disputes", all.filter(wanted));
    },
  ),
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
  if (outcome === "is disputed") openDispute(store, charge);
}

function openDispute(store: Store, { id, amount, currency, payment_intent }: StripeObject): void {
  const status = "warning_needs_response";
  const dispute = { charge: id, amount, currency, payment_intent, reason: "fraudulent", status };
  store.emit("charge.dispute.created", keep(store, "du", "dispute", dispute));
}

function wrongStatus(verb: string, { id, status }: StripeObject): StripeError {
  const message = `You cannot ${verb} this PaymentIntent (${id}) because it has a status of ${status}.`;
  return invalidRequest("payment_intent_unexpected_state", message);
}
