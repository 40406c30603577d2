import { z } from "zod";
import { invalidRequest, missing } from "./errors.ts";
import { attach, findMethod, outcomeOf } from "./payment-methods.ts";
import { declined, pay, settle } from "./payments.ts";
import {
  keep,
  params,
  type Route,
  route,
  type Store,
  type StripeObject,
  wholeNumber,
} from "./route.ts";
import { subscribe } from "./subscriptions.ts";

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
      if (session.status !== "open" || session.mode === "setup") {
        return invalidRequest("", "Only an open session that sells something can be paid here.");
      }
      const method = findMethod(store, given.payment_method);
      if (!method) return missing("PaymentMethod", given.payment_method);
      const amount = dueNow(session);
      if (given.expected_amount !== amount) {
        return invalidRequest("checkout_amount_mismatch", `The amount to pay is ${amount}.`);
      }
      const paid =
        session.mode === "subscription"
          ? start(store, session, method)
          : confirm(store, session, method);
      return paid ?? declined();
    },
  ),
];

const sessionSchema = z.object({
  id: z.string(),
  customer: z.string().nullable(),
  amount_total: z.number(),
  discounts: z.array(z.object({ coupon: z.string() })),
  line_items_given: z.array(z.object({ price: z.string(), quantity: z.number().optional() })),
  subscription_metadata: z.record(z.string(), z.string()),
  trial_period_days: z.number().nullish(),
});

/** What is to be paid on the page: nothing where a trial begins. */
export function dueNow(session: StripeObject): number {
  const { amount_total, trial_period_days } = sessionSchema.parse(session);
  return trial_period_days ? 0 : amount_total;
}

/** The first payment of a subscription. A card that is refused leaves the session open, and no subscription. */
function start(store: Store, session: StripeObject, method: StripeObject): StripeObject | null {
  const given = sessionSchema.parse(session);
  const outcome = outcomeOf(method);
  if (outcome === "is declined" || outcome === "needs action") return null;
  const customer = given.customer ?? keep(store, "cus", "customer", {}).id;
  attach(store, method.id, customer);
  const subscription = subscribe(store, {
    customer,
    items: given.line_items_given,
    ...(given.trial_period_days ? { trial_period_days: given.trial_period_days } : {}),
    default_payment_method: method.id,
    coupons: given.discounts.map(({ coupon }) => coupon),
    metadata: given.subscription_metadata,
  });
  const isPending = outcome === "settles" || outcome === "bounces";
  Object.assign(session, {
    status: "complete",
    payment_status: isPending ? "unpaid" : dueNow(session) === 0 ? "no_payment_required" : "paid",
    customer,
    subscription: subscription.id,
    url: null,
  });
  store.emit("checkout.session.completed", session);
  return session;
}

function confirm(store: Store, session: StripeObject, method: StripeObject): StripeObject | null {
  const [amount, currency] = [Number(session.amount_total), String(session.currency)];
  const customer = typeof session.customer === "string" ? session.customer : null;
  const intent = pay(store, { amount, currency, customer }, method);
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
