import { z } from "zod";
import { invalidRequest, missing, type StripeError } from "./errors.ts";
import { sessionSchema } from "./objects.ts";
import { shipping } from "./payment-methods.ts";
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
import { newId, type Store, type StripeObject } from "./store.ts";

const text = z.string().optional();
const enabled = z.strictObject({ enabled: flag }).default({ enabled: false });
const update = z.enum(["auto", "never"]).optional();

const sessionParams = {
  mode: z.enum(["payment", "setup", "subscription"]),
  customer: orNull(z.string()),
  line_items: z.array(z.strictObject({ price: z.string(), quantity: wholeNumber.optional() })),
  discounts: z.array(z.strictObject({ coupon: z.string() })).default([]),
  success_url: z.url(),
  cancel_url: orNull(z.url()),
  allow_promotion_codes: orNull(flag),
  automatic_tax: enabled,
  tax_id_collection: enabled,
  customer_update: z.strictObject({ address: update, name: update }).default({}),
  billing_address_collection: orNull(z.enum(["auto", "required"])),
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
  locale: orNull(z.string()),
  metadata,
};

type SessionGiven = z.output<z.ZodObject<typeof sessionParams>>;

/** Checkout sessions and sessions of the portal: https://docs.stripe.com/api/checkout/sessions */
export const checkoutRoutes: Route[] = [
  route("POST /v1/checkout/sessions", sessionParams, (given, store) => {
    const refusal = refusalOf(given, store);
    if (refusal) return refusal;
    const {
      line_items,
      subscription_data,
      payment_intent_data,
      payment_method_types,
      customer_update,
      ...shown
    } = given;
    const id = newId("cs_test");
    return store.keep("checkout.session", {
      ...shown,
      id,
      status: "open",
      payment_status: "unpaid",
      ...totalOf(store, line_items, shown.discounts),
      payment_intent: null,
      subscription: null,
      url: `${store.url}/pay/${id}`,
      expires_at: store.now() + day,
      // Not fields of Stripe's: they are needed to complete the session.
      line_items_given: line_items,
      subscription_metadata: subscription_data?.metadata ?? {},
      trial_period_days: subscription_data?.trial_period_days ?? null,
    });
  }),
  ...readRoutes(
    "/v1/checkout/sessions",
    "checkout.session",
    {
      created,
      customer: text,
      payment_intent: text,
      status: z.enum(["complete", "expired", "open"]).optional(),
    },
    { show: withItems },
  ),
  objectRoute(
    "POST /v1/checkout/sessions/:id/expire",
    "checkout.session",
    {},
    (_, store, session) => {
      if (session.status !== "open") {
        const message = `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of ${session.status}.`;
        return invalidRequest("", message);
      }
      return store.change(session, "checkout.session.expired", { status: "expired", url: null });
    },
  ),
  route(
    "POST /v1/billing_portal/sessions",
    { customer: z.string(), return_url: orNull(z.url()) },
    (given, store) => {
      if (!store.find("customer", given.customer)) return missing("customer", given.customer);
      const id = newId("bps");
      return store.keep("billing_portal.session", {
        ...given,
        id,
        url: `${store.url}/portal/${id}`,
      });
    },
  ),
];

/** What Stripe would refuse about a new session, in Stripe's words. */
function refusalOf(given: SessionGiven, store: Store): StripeError | null {
  const { mode, customer, discounts, automatic_tax, tax_id_collection, customer_update } = given;
  if (customer !== null && !store.find("customer", customer)) {
    return missing("customer", customer, "customer");
  }
  const unknown = given.line_items.find(({ price }) => !store.find("price", price));
  if (unknown) return missing("price", unknown.price);
  const prices = given.line_items.map(({ price }) => store.find("price", price));
  if (prices.some((price) => price?.active === false)) {
    const message = "The price specified is inactive. This field only accepts active prices.";
    return invalidRequest("", message, "line_items[0][price]");
  }
  const isRecurring = prices.some((price) => price?.recurring);
  if (mode === "payment" && isRecurring) {
    const message = "You specified `payment` mode but passed a recurring price.";
    return invalidRequest("", message);
  }
  if (mode === "subscription" && !isRecurring) {
    const message = "You must provide at least one recurring price in `subscription` mode.";
    return invalidRequest("", message);
  }
  const unknownCoupon = discounts.find(({ coupon }) => !store.find("coupon", coupon));
  if (unknownCoupon) return missing("coupon", unknownCoupon.coupon);
  if (discounts.length > 0 && given.allow_promotion_codes !== null) {
    const message =
      "You may only specify one of these parameters: allow_promotion_codes, discounts.";
    return invalidRequest("", message);
  }
  if (customer !== null && automatic_tax.enabled && !customer_update.address) {
    const message =
      "Automatic tax calculation in Checkout requires a valid address on the Customer, or `customer_update[address]` set to auto.";
    return invalidRequest("customer_tax_location_invalid", message);
  }
  if (customer !== null && tax_id_collection.enabled && customer_update.name !== "auto") {
    const message =
      "Tax ID collection requires updating business name on the customer: set `customer_update[name]` to `auto`.";
    return invalidRequest("", message);
  }
  const onlyIn = { subscription_data: "subscription", payment_intent_data: "payment" } as const;
  for (const [name, ofMode] of Object.entries(onlyIn)) {
    if (name in given && mode !== ofMode) {
      return invalidRequest("", `You can not pass \`${name}\` in this mode.`, name);
    }
  }
  return null;
}

function withItems(store: Store, session: StripeObject, expand: readonly string[]): StripeObject {
  if (!expand.includes("line_items")) return session;
  const data = sessionSchema.parse(session).line_items_given.map(({ price, quantity }) => ({
    id: newId("li"),
    object: "item",
    price: store.find("price", price),
    quantity,
  }));
  return { ...session, line_items: listOf(data) };
}

function totalOf(
  store: Store,
  items: readonly { price: string; quantity?: number | undefined }[],
  discounts: readonly { coupon: string }[],
) {
  const lines = items.map(({ price, quantity = 1 }) => {
    const found = store.find("price", price);
    return { amount: Number(found?.unit_amount) * quantity, currency: found?.currency };
  });
  const amount_subtotal = lines.reduce((sum, { amount }) => sum + amount, 0);
  const amount_total = discounts.reduce((left, { coupon }) => {
    const percent_off = store.find("coupon", coupon)?.percent_off;
    return left - Math.round((left * Number(percent_off ?? 0)) / 100);
  }, amount_subtotal);
  return { amount_subtotal, amount_total, currency: lines[0]?.currency ?? null };
}
