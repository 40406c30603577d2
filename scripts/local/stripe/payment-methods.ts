import { z } from "zod";
import { missing } from "./errors.ts";
import {
  keep,
  metadata,
  params,
  type Route,
  route,
  type Store,
  type StripeObject,
} from "./route.ts";

/** What a charge of a payment method comes to. `settles` and `bounces` do so days later. */
export type Outcome =
  | "succeeds"
  | "is declined"
  | "needs action"
  | "is disputed"
  | "settles"
  | "bounces";

/** The test cards by what follows `tok_` and `pm_card_`: https://docs.stripe.com/testing */
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

const address = z.strictObject({
  line1: z.string().optional(),
  line2: z.string().optional(),
  postal_code: z.string().optional(),
  city: z.string().optional(),
  state: z.string().optional(),
  country: z.string().length(2).optional(),
});

/** Where goods would go. */
export const shipping = z.strictObject({ name: z.string(), address });

/** https://docs.stripe.com/api/payment_methods */
export const paymentMethodRoutes: Route[] = [
  route(
    "POST",
    "/v1/payment_methods",
    params({
      type: z.enum(["card", "sepa_debit"]),
      card: z.strictObject({ token: z.string() }).optional(),
      sepa_debit: z.strictObject({ iban: z.string() }).optional(),
      billing_details: z
        .strictObject({
          email: z.string().optional(),
          name: z.string().optional(),
          phone: z.string().optional(),
          address: address.optional(),
        })
        .optional(),
      metadata,
    }),
    (given, _, store) => {
      const { card, sepa_debit, type } = given;
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
    "POST",
    "/v1/payment_methods/:id/attach",
    params({ customer: z.string() }),
    ({ customer }, id, store) => {
      if (!store.all("customer").has(customer)) return missing("customer", customer);
      return attach(store, id, customer) ?? missing("PaymentMethod", id);
    },
  ),
];

/** A payment method, new where one of the test cards is named; null where there is none. */
export function findMethod(store: Store, id: string): StripeObject | null {
  const kept = store.all("payment_method").get(id);
  return kept ?? (id.startsWith("pm_card_") ? newCard(store, id.slice("pm_card_".length)) : null);
}

/** Makes a payment method a customer's. */
export function attach(store: Store, id: string, customer: string): StripeObject | null {
  const method = findMethod(store, id);
  if (!method) return null;
  method.customer = customer;
  store.emit("payment_method.attached", method);
  return method;
}

/** What a charge of a payment method comes to. */
export function outcomeOf(method: StripeObject): Outcome {
  const { card, sepa_debit } = z
    .object({
      card: z.object({ last4: z.string() }).optional(),
      sepa_debit: z.object({ last4: z.string() }).optional(),
    })
    .parse(method);
  const found = card
    ? Object.values(cards).find(({ last4 }) => last4 === card.last4)?.outcome
    : Object.entries(accounts).find(([iban]) => iban.endsWith(sepa_debit?.last4 ?? "-"))?.[1];
  return found ?? "succeeds";
}

function newCard(store: Store, name: string): StripeObject | null {
  const card = cards[name];
  return card ? newMethod(store, { type: "card", card: { last4: card.last4 } }) : null;
}

function newMethod(store: Store, fields: Record<string, unknown>): StripeObject {
  return keep(store, "pm", "payment_method", { customer: null, ...fields });
}
