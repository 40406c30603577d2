import { z } from "zod";
import { invalidRequest, missing } from "./errors.ts";
import {
  flag,
  metadata,
  newId,
  nowInSeconds,
  params,
  type Route,
  route,
  wholeNumber,
} from "./route.ts";

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
      const id = newId("cs_test");
      const session = {
        id,
        object: "checkout.session",
        mode: given.mode,
        status: "open",
        payment_status: "unpaid",
        customer: given.customer ?? null,
        subscription: null,
        url: `https://checkout.stripe.test/${id}`,
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
      return {
        id,
        object: "billing_portal.session",
        customer: given.customer,
        url: `https://billing.stripe.test/${id}`,
      };
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
      return { id: "list", object: "list", url: "/v1/subscriptions", has_more: false, data };
    },
  ),
];
