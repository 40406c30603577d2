import { z } from "zod";
import { invalidRequest, missing } from "./errors.ts";
import { type Session, sessionSchema } from "./objects.ts";
import { attach, findMethod, outcomeOf } from "./payment-methods.ts";
import { declined, pay, settle } from "./payments.ts";
import { type Route, route, wholeNumber } from "./route.ts";
import type { Store, StripeObject } from "./store.ts";
import { subscribe } from "./subscriptions.ts";

/** The page of a checkout session. Stripe does not document these routes; its command line uses them to pay. */
export const paymentPageRoutes: Route[] = [
  route("GET /v1/payment_pages/:id", {}, (_, store, id) => {
    const session = store.find("checkout.session", id);
    if (!session) return missing("payment_page", id);
    return { id, object: "checkout.session", session_id: id, mode: session.mode };
  }),
  route(
    "POST /v1/payment_pages/:id/confirm",
    { payment_method: z.string(), expected_amount: wholeNumber },
    (given, store, id) => {
      const session = store.find("checkout.session", id);
      if (!session) return missing("payment_page", id);
      if (session.status !== "open" || session.mode === "setup") {
        return invalidRequest("", "Only an open session that sells something can be paid here.");
      }
      const method = findMethod(store, given.payment_method);
      if (!method) return missing("payment_method", given.payment_method);
      const amount = dueNow(sessionSchema.parse(session));
      if (given.expected_amount !== amount) {
        return invalidRequest("checkout_amount_mismatch", `The amount to pay is ${amount}.`);
      }
      const complete = session.mode === "subscription" ? startSubscription : payOnce;
      return complete(store, session, method) ?? declined();
    },
  ),
];

/** The amount to pay on the page: zero where a trial begins. */
export function dueNow({ amount_total, trial_period_days }: Session): number {
  return trial_period_days ? 0 : amount_total;
}

/** Completes a session that sells a subscription. Where the card is refused, the session stays open: null. */
function startSubscription(
  store: Store,
  session: StripeObject,
  method: StripeObject,
): StripeObject | null {
  const given = sessionSchema.parse(session);
  const outcome = outcomeOf(method);
  if (outcome === "is declined" || outcome === "needs action") return null;
  const customer = given.customer ?? store.keep("customer", {}).id;
  attach(store, method.id, customer);
  const subscription = subscribe(store, {
    customer,
    items: given.line_items_given,
    trial_period_days: given.trial_period_days ?? undefined,
    default_payment_method: method.id,
    coupons: given.discounts.map(({ coupon }) => coupon),
    metadata: given.subscription_metadata,
  });
  const isPending = outcome === "settles" || outcome === "bounces";
  return store.change(session, "checkout.session.completed", {
    status: "complete",
    payment_status: isPending ? "unpaid" : dueNow(given) === 0 ? "no_payment_required" : "paid",
    customer,
    subscription: subscription.id,
    url: null,
  });
}

/** Completes a session that sells something once. Where the card is refused, the session stays open: null. */
function payOnce(store: Store, session: StripeObject, method: StripeObject): StripeObject | null {
  const { amount_total: amount, currency, customer } = sessionSchema.parse(session);
  const intent = pay(store, { amount, currency: String(currency), customer }, method);
  const isPending = intent.status === "processing";
  if (!isPending && intent.status !== "succeeded") return null;
  store.change(session, "checkout.session.completed", {
    status: "complete",
    payment_status: isPending ? "unpaid" : "paid",
    payment_intent: intent.id,
    url: null,
  });
  if (!isPending) return session;
  const answer = structuredClone(session);
  // A bank debit takes days. Here it is settled at once, but not yet in this answer, and by later events.
  const arrives = outcomeOf(method) === "settles";
  settle(store, intent, arrives);
  if (arrives) session.payment_status = "paid";
  store.emit(`checkout.session.async_payment_${arrives ? "succeeded" : "failed"}`, session);
  return answer;
}
