import { z } from "zod";
import { invalidRequest, missing } from "./errors.ts";
import { shipping } from "./payment-methods.ts";
import {
  flag,
  listOf,
  metadata,
  newId,
  nowInSeconds,
  params,
  type Route,
  route,
  type Store,
  wholeNumber,
} from "./route.ts";
import { expand } from "./subscription-life.ts";

const day = 24 * 60 * 60;

/** Checkout sessions and the portal: https://docs.stripe.com/api/checkout/sessions */
export const checkoutRoutes: Route[] = [
  route(
    "POST",
    "/v1/checkout/sessions",
    params({
      mode: z.enum(["payment", "setup", "subscription"]),
      customer: z.string().optional(),
      line_items: z.array(z.strictObject({ price: z.string(), quantity: wholeNumber.optional() })),
      discounts: z.array(z.strictObject({ coupon: z.string() })).optional(),
      success_url: z.url(),
      cancel_url: z.url().optional(),
      allow_promotion_codes: flag.optional(),
      payment_method_types: z.array(z.enum(["card", "sepa_debit"])).optional(),
      payment_intent_data: z
        .strictObject({
          shipping: shipping.optional(),
          setup_future_usage: z.enum(["off_session", "on_session"]).optional(),
        })
        .optional(),
      subscription_data: z.strictObject({ metadata }).optional(),
      metadata,
    }),
    (given, _, store) => {
      if (given.customer !== undefined && !store.all("customer").has(given.customer)) {
        return { ...missing("customer", given.customer) };
      }
      const unknown = given.line_items.find(({ price }) => !store.all("price").has(price));
      if (unknown) return missing("price", unknown.price);
      const coupon = given.discounts?.find((one) => !store.all("coupon").has(one.coupon));
      if (coupon) return missing("coupon", coupon.coupon);
      if (given.payment_intent_data && given.mode !== "payment") {
        const message = "You can not pass `payment_intent_data` in this mode.";
        return invalidRequest("", message, "payment_intent_data");
      }
      const id = newId("cs_test");
      const session = {
        id,
        object: "checkout.session",
        mode: given.mode,
        status: "open",
        payment_status: "unpaid",
        ...totalOf(store, given.line_items),
        customer: given.customer ?? null,
        payment_intent: null,
        subscription: null,
        url: `${store.url}/pay/${id}`,
        success_url: given.success_url,
        cancel_url: given.cancel_url ?? null,
        created: nowInSeconds(),
        expires_at: nowInSeconds() + day,
        livemode: false,
        discounts: given.discounts ?? [],
        metadata: given.metadata,
        // Not told by Stripe; a test that completes the session needs them.
        line_items_given: given.line_items,
        subscription_metadata: given.subscription_data?.metadata ?? {},
      };
      store.all("checkout.session").set(id, session);
      return session;
    },
  ),
  route("GET", "/v1/checkout/sessions/:id", params({}), (_, id, store) => {
    return store.all("checkout.session").get(id) ?? missing("checkout.session", id);
  }),
  route("POST", "/v1/checkout/sessions/:id/expire", params({}), (_, id, store) => {
    const session = store.all("checkout.session").get(id);
    if (!session) return missing("checkout.session", id);
    if (session.status !== "open") {
      const message = `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of ${session.status}.`;
      return invalidRequest("", message);
    }
    Object.assign(session, { status: "expired", url: null });
    store.emit("checkout.session.expired", session);
    return session;
  }),
  route(
    "POST",
    "/v1/billing_portal/sessions",
    params({ customer: z.string(), return_url: z.url().optional() }),
    (given, _, store) => {
      if (!store.all("customer").has(given.customer)) return missing("customer", given.customer);
      const id = newId("bps");
      const session = {
        id,
        object: "billing_portal.session",
        customer: given.customer,
        return_url: given.return_url ?? null,
        url: `${store.url}/portal/${id}`,
      };
      store.all("billing_portal.session").set(id, session);
      return session;
    },
  ),
  route("GET", "/v1/charges/:id", params({}), (_, id, store) => {
    return store.all("charge").get(id) ?? missing("charge", id);
  }),
  route(
    "GET",
    "/v1/subscriptions",
    params({
      customer: z.string().optional(),
      status: z.string().optional(),
      limit: wholeNumber.optional(),
      starting_after: z.string().optional(),
    }),
    (given, _, store) => {
      const all = [...store.all("subscription").values()];
      const data = all.filter(
        ({ customer, status }) =>
          (given.customer === undefined || customer === given.customer) &&
          (given.status === "all" || status !== "canceled"),
      );
      const isWanted = given.expand?.includes("data.latest_invoice");
      return listOf(
        "/v1/subscriptions",
        data.map((subscription) => expand(store, subscription, isWanted)),
      );
    },
  ),
];

function totalOf(store: Store, items: { price: string; quantity?: number | undefined }[]) {
  const lines = items.map(({ price, quantity = 1 }) => {
    const found = store.all("price").get(price);
    return { amount: Number(found?.unit_amount) * quantity, currency: found?.currency };
  });
  const amount_total = lines.reduce((sum, { amount }) => sum + amount, 0);
  return { amount_total, currency: lines[0]?.currency ?? null };
}
