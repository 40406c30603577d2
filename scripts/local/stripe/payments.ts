import { z } from "zod";
import { invalidRequest, missing, type StripeError } from "./errors.ts";
import { findMethod, outcomeOf, shipping } from "./payment-methods.ts";
import { day } from "./periods.ts";
import {
  created,
  flag,
  listOf,
  metadata,
  objectRoute,
  orNull,
  type Route,
  readRoutes,
  route,
  wholeNumber,
} from "./route.ts";
import type { Store, StripeObject } from "./store.ts";

const text = z.string().optional();
const ofCharge = { created, charge: text, payment_intent: text };

/** Payment intents, charges, refunds and disputes: https://docs.stripe.com/api/payment_intents */
export const paymentRoutes: Route[] = [
  route(
    "POST /v1/payment_intents",
    {
      amount: wholeNumber,
      currency: z.string().length(3),
      customer: orNull(z.string()),
      description: orNull(z.string()),
      payment_method: text,
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
    },
    (given, store) => {
      const { amount, currency, customer, description, capture_method, metadata } = given;
      if (customer !== null && !store.find("customer", customer)) {
        return missing("customer", customer);
      }
      const method = given.payment_method ? findMethod(store, given.payment_method) : null;
      if (given.payment_method && !method) return missing("payment_method", given.payment_method);
      const bill = { amount, currency, customer, description, capture_method, metadata };
      const intent = newIntent(store, bill);
      if (!given.confirm) return intent;
      if (!method) return invalidRequest("parameter_missing", "A payment method is needed.");
      confirm(store, intent, method);
      return intent.status === "requires_payment_method" ? declined() : intent;
    },
  ),
  objectRoute("POST /v1/payment_intents/:id/capture", "payment_intent", {}, (_, store, intent) => {
    const charge = store.find("charge", intent.latest_charge);
    if (intent.status !== "requires_capture" || !charge) return wrongStatus("capture", intent);
    store.change(charge, "charge.captured", { captured: true });
    return store.change(intent, "payment_intent.succeeded", { status: "succeeded" });
  }),
  objectRoute(
    "POST /v1/payment_intents/:id/cancel",
    "payment_intent",
    {
      cancellation_reason: z
        .enum(["abandoned", "duplicate", "fraudulent", "requested_by_customer"])
        .optional(),
    },
    (_, store, intent) =>
      ["canceled", "processing", "succeeded"].includes(String(intent.status))
        ? wrongStatus("cancel", intent)
        : store.change(intent, "payment_intent.canceled", { status: "canceled" }),
  ),
  route(
    "POST /v1/refunds",
    {
      payment_intent: text,
      charge: text,
      amount: wholeNumber.optional(),
      reason: orNull(z.enum(["duplicate", "fraudulent", "requested_by_customer"])),
      metadata,
    },
    (given, store) => {
      const intent = store.find("payment_intent", given.payment_intent);
      const charge = store.find("charge", given.charge ?? intent?.latest_charge);
      if (!charge) return missing("payment_intent", given.payment_intent ?? "");
      if (charge.refunded) {
        const message = `Charge ${charge.id} has already been refunded.`;
        return invalidRequest("charge_already_refunded", message);
      }
      const left = Number(charge.amount) - Number(charge.amount_refunded);
      const { amount = left, reason, metadata } = given;
      if (amount <= 0) {
        return invalidRequest("parameter_invalid_integer", "Invalid positive integer");
      }
      if (amount > left) {
        const message = `Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`;
        return invalidRequest("", message, "amount");
      }
      const { currency, payment_intent } = charge;
      const money = { amount, currency, payment_intent, charge: charge.id, reason };
      const refund = store.create("refund", { ...money, status: "succeeded", metadata });
      const amount_refunded = Number(charge.amount_refunded) + amount;
      store.change(charge, "charge.refunded", { refunded: amount === left, amount_refunded });
      return refund;
    },
  ),
  objectRoute("POST /v1/refunds/:id", "refund", { metadata }, (given, store, refund) => {
    store.change(refund, "refund.updated", given);
    store.emit("charge.refund.updated", refund);
    return refund;
  }),
  objectRoute("POST /v1/disputes/:id", "dispute", { metadata }, (given, store, dispute) =>
    store.change(dispute, "charge.dispute.updated", given),
  ),
  objectRoute("POST /v1/disputes/:id/close", "dispute", {}, (_, store, dispute) =>
    store.change(dispute, "charge.dispute.closed", { status: "lost" }),
  ),
  ...readRoutes("/v1/refunds", "refund", ofCharge, { show: withCharge }),
  ...readRoutes("/v1/disputes", "dispute", ofCharge, { show: withCharge }),
  ...readRoutes(
    "/v1/charges",
    "charge",
    { created, customer: text, payment_intent: text },
    { show: withRefunds },
  ),
];

function withCharge(store: Store, object: StripeObject, expand: readonly string[]): StripeObject {
  const charge = expand.includes("charge") && store.find("charge", object.charge);
  return charge ? { ...object, charge } : object;
}

function withRefunds(store: Store, charge: StripeObject, expand: readonly string[]): StripeObject {
  if (!expand.includes("refunds")) return charge;
  const own = store.list("refund").filter((refund) => refund.charge === charge.id);
  return { ...charge, refunds: listOf(own.reverse()) };
}

/** An amount to pay, and the customer who pays it. */
export interface Bill {
  amount: number;
  currency: string;
  customer: string | null;
}

/** Tries to take an amount from a payment method. The status of the intent is the result. */
export function pay(store: Store, bill: Bill, method: StripeObject): StripeObject {
  const intent = newIntent(store, { ...bill, description: null, capture_method: "automatic" });
  confirm(store, intent, method);
  return intent;
}

/** Ends a bank debit: the money arrives, or it does not. */
export function settle(store: Store, intent: StripeObject, arrives: boolean): void {
  const charge = store.find("charge", intent.latest_charge);
  const status = arrives ? "succeeded" : "failed";
  if (charge) store.change(charge, `charge.${status}`, { status, paid: arrives });
  intent.status = arrives ? "succeeded" : "requires_payment_method";
  store.emit(`payment_intent.${arrives ? "succeeded" : "payment_failed"}`, intent);
}

/** Stripe's answer to a card that was declined. */
export function declined(): StripeError {
  const message = "Your card was declined.";
  return { status: 402, error: { type: "card_error", code: "card_declined", message } };
}

function newIntent(
  store: Store,
  fields: Bill & { description: string | null; capture_method: string; metadata?: object },
): StripeObject {
  return store.create("payment_intent", {
    ...fields,
    status: "requires_payment_method",
    payment_method: null,
    latest_charge: null,
  });
}

function confirm(store: Store, intent: StripeObject, method: StripeObject): void {
  const outcome = outcomeOf(method);
  intent.payment_method = method.id;
  if (outcome === "needs action") {
    store.change(intent, "payment_intent.requires_action", { status: "requires_action" });
    return;
  }
  const isPending = outcome === "settles" || outcome === "bounces";
  const isDeclined = outcome === "is declined";
  const isManual = intent.capture_method === "manual";
  const { amount, currency, customer, description } = intent;
  const charge = store.keep("charge", {
    amount,
    currency,
    customer,
    description,
    amount_refunded: 0,
    payment_intent: intent.id,
    payment_method: method.id,
    status: isPending ? "pending" : isDeclined ? "failed" : "succeeded",
    paid: !isPending && !isDeclined,
    captured: !isDeclined && !isManual,
    refunded: false,
    disputed: outcome === "is disputed",
  });
  intent.latest_charge = charge.id;
  store.emit(`charge.${charge.status}`, charge);
  if (isPending) {
    store.change(intent, "payment_intent.processing", { status: "processing" });
  } else if (isDeclined) {
    store.emit("payment_intent.payment_failed", intent);
  } else if (isManual) {
    const status = "requires_capture";
    store.change(intent, "payment_intent.amount_capturable_updated", { status });
  } else {
    store.change(intent, "payment_intent.succeeded", { status: "succeeded" });
  }
  if (outcome === "is disputed") openDispute(store, charge, "warning_needs_response");
}

/** Opens a dispute: the bank of the customer contests a charge. */
export function openDispute(
  store: Store,
  charge: StripeObject,
  status = "needs_response",
): StripeObject {
  const { id, amount, currency, payment_intent } = charge;
  charge.disputed = true;
  const about = { charge: id, amount, currency, payment_intent, reason: "fraudulent" };
  const evidence_details = { due_by: store.now() + 7 * day };
  const dispute = store.keep("dispute", { ...about, status, evidence_details });
  store.emit("charge.dispute.created", dispute);
  return dispute;
}

function wrongStatus(verb: string, { id, status }: StripeObject): StripeError {
  const message = `You cannot ${verb} this PaymentIntent (${id}) because it has a status of ${status}.`;
  return invalidRequest("payment_intent_unexpected_state", message);
}
