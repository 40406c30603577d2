import { z } from "zod";
import { invalidRequest, missing } from "./errors.ts";
import { findMethod, outcomeOf } from "./payment-methods.ts";
import { declined, pay, settle } from "./payments.ts";
import { params, type Route, route, type Store, type StripeObject, wholeNumber } from "./route.ts";

/** The page of a checkout session, which Stripe does not document: its command line fills it in. */
export const paymentPageRoutes: Route[] = [
  route("GET", "/v1/payment_pages/:id", params({}), (_, id, store) => {
    const session = store.all("checkout.session").get(id);
    if (!session) return missing("payment_page", id);
    return { id, object: "checkout.session", session_id: id, mode: session.mode };
  }),
  route(
    "POST",
    "/v1/payment_pages/:id/confirm",
    params({ payment_method: z.string(), expected_amount: wholeNumber }),
    (given, id, store) => {
      const session = store.all("checkout.session").get(id);
      if (!session) return missing("payment_page", id);
      if (session.status !== "open" || session.mode !== "payment") {
        return invalidRequest("", "Only an open session of the mode payment can be paid here.");
      }
      const method = findMethod(store, given.payment_method);
      if (!method) return missing("PaymentMethod", given.payment_method);
      const amount = Number(session.amount_total);
      if (given.expected_amount !== amount) {
        return invalidRequest("checkout_amount_mismatch", `The amount to pay is ${amount}.`);
      }
      return confirm(store, session, method) ?? declined();
    },
  ),
];

function confirm(store: Store, session: StripeObject, method: StripeObject): StripeObject | null {
  const [amount, currency] = [Number(session.amount_total), String(session.currency)];
  const intent = pay(store, { amount, currency, customer: null }, method);
  const isPending = intent.status === "processing";
  if (!isPending && intent.status !== "succeeded") return null;
  Object.assign(session, {
    status: "complete",
    payment_status: isPending ? "unpaid" : "paid",
    payment_intent: intent.id,
    url: null,
  });
  store.emit("checkout.session.completed", session);
  if (!isPending) return session;
  const answer = structuredClone(session);
  // A bank takes days; here it takes no time, and yet comes after what was answered.
  const comes = outcomeOf(method) === "settles";
  settle(store, intent, comes);
  if (comes) session.payment_status = "paid";
  store.emit(`checkout.session.async_payment_${comes ? "succeeded" : "failed"}`, session);
  return answer;
}
