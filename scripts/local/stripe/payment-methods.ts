import { z } from "zod";
import { missing } from "./errors.ts";
import { paymentMethodSchema } from "./objects.ts";
import { metadata, type Route, route } from "./route.ts";
import type { Store, StripeObject } from "./store.ts";

/** What a charge of a payment method results in. `settles` and `bounces` are known days later. */
type Outcome = "succeeds" | "is declined" | "needs action" | "is disputed" | "settles" | "bounces";

/** The test cards by the part of their names after `tok_` and `pm_card_`: https://docs.stripe.com/testing */
const cards: Record<string, { last4: string; outcome: Outcome }> = {
  visa: { last4: "4242", outcome: "succeeds" },
  bypassPending: { last4: "0077", outcome: "succeeds" },
  chargeDeclined: { last4: "0002", outcome: "is declined" },
  visa_chargeDeclined: { last4: "0002", outcome: "is declined" },
  chargeCustomerFail: { last4: "0341", outcome: "is declined" },
  authenticationRequired: { last4: "3184", outcome: "needs action" },
  threeDSecure2Required: { last4: "3220", outcome: "needs action" },
  createDisputeInquiry: { last4: "1976", outcome: "is disputed" },
};

/** The test accounts: https://docs.stripe.com/payments/sepa-debit/accept-a-payment */
const accounts: Record<string, Outcome> = {
  AT611904300234573201: "settles",
  AT321904300235473204: "settles",
  AT861904300235473202: "bounces",
  IT60X0542811101000000123456: "bounces",
};

const text = z.string().optional();

const address = z.strictObject({
  line1: text,
  line2: text,
  postal_code: text,
  city: text,
  state: text,
  country: z.string().length(2).optional(),
});

/** A shipping address. */
export const shipping = z.strictObject({ name: z.string(), address });

/** https://docs.stripe.com/api/payment_methods */
export const paymentMethodRoutes: Route[] = [
  route(
    "POST /v1/payment_methods",
    {
      type: z.enum(["card", "sepa_debit"]),
      card: z.strictObject({ token: z.string() }).optional(),
      sepa_debit: z.strictObject({ iban: z.string() }).optional(),
      billing_details: z
        .strictObject({ email: text, name: text, phone: text, address: address.optional() })
        .optional(),
      metadata,
    },
    ({ card, sepa_debit, type }, store) => {
      if (type === "sepa_debit") {
        const iban = sepa_debit?.iban ?? "";
        if (!(iban in accounts)) return missing("test account", iban);
        return newMethod(store, { type, sepa_debit: { last4: iban.slice(-4) } });
      }
      const token = card?.token ?? "";
      return newCard(store, token.replace(/^tok_/, "")) ?? missing("token", token);
    },
  ),
  route(
    "POST /v1/payment_methods/:id/attach",
    { customer: z.string() },
    ({ customer }, store, id) => {
      if (!store.find("customer", customer)) return missing("customer", customer);
      return attach(store, id, customer) ?? missing("payment_method", id);
    },
  ),
];

/** The payment method of an id, or a new one where the id names a test card. */
export function findMethod(store: Store, id: string): StripeObject | null {
  const name = id.startsWith("pm_card_") ? id.slice("pm_card_".length) : "";
  return store.find("payment_method", id) ?? newCard(store, name);
}

/** Attaches a payment method to a customer. */
export function attach(store: Store, id: string, customer: string): StripeObject | null {
  const method = findMethod(store, id);
  return method && store.change(method, "payment_method.attached", { customer });
}

/** What a charge of a payment method results in. */
export function outcomeOf(method: StripeObject): Outcome {
  const { card, sepa_debit } = paymentMethodSchema.parse(method);
  const found = card
    ? Object.values(cards).find(({ last4 }) => last4 === card.last4)?.outcome
    : Object.entries(accounts).find(([iban]) => iban.endsWith(sepa_debit?.last4 ?? "-"))?.[1];
  return found ?? "succeeds";
}

function newCard(store: Store, name: string): StripeObject | null {
  const card = cards[name];
  return card ? newMethod(store, { type: "card", card: { last4: card.last4 } }) : null;
}

function newMethod(store: Store, fields: object): StripeObject {
  return store.keep("payment_method", { customer: null, ...fields });
}
