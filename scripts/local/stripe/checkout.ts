import { z } from "zod";
import { invalidRequest, missing } from "./errors.ts";
import { shipping } from "./payment-methods.ts";
import {
  created,
  flag,
  metadata,
  newId,
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
      automatic_tax: z.strictObject({ enabled: flag }).optional(),
      tax_id_collection: z.strictObject({ enabled: flag }).optional(),
      customer_update: z
        .strictObject({
          address: z.enum(["auto", "never"]).optional(),
          name: z.enum(["auto", "never"]).optional(),
        })
        .optional(),
      billing_address_collection: z.enum(["auto", "required"]).optional(),
      payment_method_types: z.array(z.enum(["card", "sepa_debit"])).optional(),
      payment_intent_data: z
        .strictObject({
          shipping: shipping.optional(),
          setup_future_usage: z.enum(["off_session", "on_session"]).optional(),
          metadata,
        })
        .optional(),
      subscription_data: z
        .strictObject({ metadata, trial_period_days: wholeNumber.optional() })
        .optional(),
      locale: z.string().optional(),
      metadata,
    }),
    (given, _, store) => {
      if (given.customer !== undefined && !store.all("customer").has(given.customer)) {
        return missing("customer", given.customer, "customer");
      }
      const unknown = given.line_items.find(({ price }) => !store.all("price").has(price));
      if (unknown) return missing("price", unknown.price);
      const sold = given.line_items.map(({ price }) => store.all("price").get(price));
      const inactive = sold.find((price) => price?.active === false);
      if (inactive) {
        const message = `The price specified is inactive. This field only accepts active prices.`;
        return invalidRequest("", message, "line_items[0][price]");
      }
      if (given.mode === "payment" && sold.some((price) => price?.recurring)) {
        const message = "You specified `payment` mode but passed a recurring price.";
        return invalidRequest("", message);
      }
      if (given.mode === "subscription" && !sold.some((price) => price?.recurring)) {
        const message = "You must provide at least one recurring price in `subscription` mode.";
        return invalidRequest("", message);
      }
      const coupon = given.discounts?.find((one) => !store.all("coupon").has(one.coupon));
      if (coupon) return missing("coupon", coupon.coupon);
      if (given.discounts && given.allow_promotion_codes !== undefined) {
        const message =
          "You may only specify one of these parameters: allow_promotion_codes, discounts.";
        return invalidRequest("", message);
      }
      if (given.customer && given.automatic_tax?.enabled && !given.customer_update?.address) {
        const message =
          "Automatic tax calculation in Checkout requires a valid address on the Customer, or `customer_update[address]` set to auto.";
        return invalidRequest("customer_tax_location_invalid", message);
      }
      if (
        given.customer &&
        given.tax_id_collection?.enabled &&
        given.customer_update?.name !== "auto"
      ) {
        const message =
          "Tax ID collection requires updating business name on the customer: set `customer_update[name]` to `auto`.";
        return invalidRequest("", message);
      }
      if (given.subscription_data && given.mode !== "subscription") {
        const message = "You can not pass `subscription_data` in this mode.";
        return invalidRequest("", message, "subscription_data");
      }
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
        ...totalOf(store, given.line_items, given.discounts ?? []),
        customer: given.customer ?? null,
        payment_intent: null,
        subscription: null,
        url: `${store.url}/pay/${id}`,
        success_url: given.success_url,
        cancel_url: given.cancel_url ?? null,
        created: nowInSeconds(store),
        expires_at: nowInSeconds(store) + day,
        livemode: false,
        discounts: given.discounts ?? [],
        allow_promotion_codes: given.allow_promotion_codes ?? null,
        automatic_tax: { enabled: given.automatic_tax?.enabled ?? false },
        tax_id_collection: { enabled: given.tax_id_collection?.enabled ?? false },
        billing_address_collection: given.billing_address_collection ?? null,
        locale: given.locale ?? null,
        metadata: given.metadata,
        // Not told by Stripe; completing the session needs them.
        line_items_given: given.line_items,
        subscription_metadata: given.subscription_data?.metadata ?? {},
        trial_period_days: given.subscription_data?.trial_period_days ?? null,
      };
      store.all("checkout.session").set(id, session);
      return session;
    },
  ),
  route(
    "GET",
    "/v1/checkout/sessions",
    params({
      ...paging,
      created,
      customer: z.string().optional(),
      payment_intent: z.string().optional(),
      status: z.enum(["complete", "expired", "open"]).optional(),
    }),
    (given, _, store) => {
      const found = [...store.all("checkout.session").values()].filter(
        ({ customer, payment_intent, status }) =>
          (given.customer === undefined || customer === given.customer) &&
          (given.payment_intent === undefined || payment_intent === given.payment_intent) &&
          (given.status === undefined || status === given.status),
      );
      const isWanted = given.expand?.includes("data.line_items");
      return pageOf(
        "/v1/checkout/sessions",
        found.map((session) => (isWanted ? withItems(store, session) : session)),
        given,
      );
    },
  ),
  route("GET", "/v1/checkout/sessions/:id", params({}), (given, id, store) => {
    const session = store.all("checkout.session").get(id);
    if (!session) return missing("checkout.session", id);
    return given.expand?.includes("line_items") ? withItems(store, session) : session;
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
  route(
    "GET",
    "/v1/subscriptions",
    params({
      ...paging,
      created,
      customer: z.string().optional(),
      status: z.string().optional(),
    }),
    (given, _, store) => {
      const all = [...store.all("subscription").values()];
      const data = all.filter(
        ({ customer, status }) =>
          (given.customer === undefined || customer === given.customer) &&
          (given.status === "all" || status !== "canceled"),
      );
      return pageOf(
        "/v1/subscriptions",
        data.map((subscription) => expand(store, subscription, given.expand)),
        given,
      );
    },
  ),
];

function withItems(store: Store, session: StripeObject): StripeObject {
  const items = session.line_items_given as { price: string; quantity?: number }[];
  const data = items.map(({ price, quantity = 1 }) => ({
    id: newId("li"),
    object: "item",
    price: store.all("price").get(price),
    quantity,
  }));
  return { ...session, line_items: { object: "list", data, has_more: false } };
}

function totalOf(
  store: Store,
  items: { price: string; quantity?: number | undefined }[],
  discounts: { coupon: string }[],
) {
  const lines = items.map(({ price, quantity = 1 }) => {
    const found = store.all("price").get(price);
    return { amount: Number(found?.unit_amount) * quantity, currency: found?.currency };
  });
  const amount_subtotal = lines.reduce((sum, { amount }) => sum + amount, 0);
  const amount_total = discounts.reduce((left, { coupon }) => {
    const percent_off = store.all("coupon").get(coupon)?.percent_off;
    return left - Math.round((left * Number(percent_off ?? 0)) / 100);
  }, amount_subtotal);
  return { amount_subtotal, amount_total, currency: lines[0]?.currency ?? null };
}
