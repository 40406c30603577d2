import { z } from "zod";
import { invalidRequest, missing, type StripeError } from "./errors.ts";
import { periodEnd } from "./periods.ts";
import {
  flag,
  keep,
  metadata,
  newId,
  nowInSeconds,
  params,
  type Route,
  route,
  type Store,
  type StripeObject,
  wholeNumber,
} from "./route.ts";
import { bill, changePrice, end, expand, isOver, methodOf, stateOf } from "./subscription-life.ts";

const day = 24 * 60 * 60;

const trialSettings = z.strictObject({
  end_behavior: z.strictObject({
    missing_payment_method: z.enum(["cancel", "create_invoice", "pause"]),
  }),
});

/** Products, prices and subscriptions, as far as anybody here asks for them. */
export const subscriptionRoutes: Route[] = [
  route(
    "POST",
    "/v1/products",
    params({
      id: z.string().optional(),
      name: z.string().min(1),
      description: z.string().optional(),
      metadata,
    }),
    (given, _, store) => {
      const { id, name, description = null } = given;
      const product = { name, description, active: true, ...(id ? { id } : {}) };
      const kept = keep(store, "prod", "product", product, given.metadata);
      store.emit("product.created", kept);
      return kept;
    },
  ),
  route(
    "POST",
    "/v1/prices",
    params({
      product: z.string(),
      currency: z.string().length(3),
      unit_amount: wholeNumber,
      recurring: z
        .strictObject({
          interval: z.enum(["day", "week", "month", "year"]),
          interval_count: wholeNumber.default(1),
        })
        .optional(),
      transfer_lookup_key: flag.optional(),
      nickname: z.string().optional(),
      lookup_key: z.string().optional(),
      metadata,
    }),
    (given, _, store) => {
      if (!store.all("product").has(given.product)) return missing("product", given.product);
      const { product, currency, unit_amount, recurring = null, lookup_key = null } = given;
      const owner = [...store.all("price").values()].find((one) => one.lookup_key === lookup_key);
      if (lookup_key !== null && owner) {
        if (!given.transfer_lookup_key) {
          const message = "A price already uses that lookup key.";
          return invalidRequest("resource_already_exists", message, "lookup_key");
        }
        owner.lookup_key = null;
      }
      const price = { product, currency, unit_amount, recurring, lookup_key, active: true };
      const kept = keep(store, "price", "price", price, given.metadata);
      store.emit("price.created", kept);
      return kept;
    },
  ),
  route(
    "POST",
    "/v1/prices/:id",
    params({ active: flag.optional(), nickname: z.string().optional(), metadata }),
    (given, id, store) => {
      const price = store.all("price").get(id);
      if (!price) return missing("price", id);
      Object.assign(price, { active: given.active ?? price.active });
      store.emit("price.updated", price);
      return price;
    },
  ),
  route(
    "POST",
    "/v1/subscriptions",
    params({
      customer: z.string(),
      items: z.array(z.strictObject({ price: z.string(), quantity: wholeNumber.optional() })),
      cancel_at: wholeNumber.optional(),
      cancel_at_period_end: flag.default(false),
      default_payment_method: z.string().optional(),
      trial_period_days: wholeNumber.optional(),
      trial_settings: trialSettings.optional(),
      metadata,
    }),
    (given, _, store) => {
      if (!store.all("customer").has(given.customer)) return missing("customer", given.customer);
      const unknown = given.items.find(({ price }) => !store.all("price").has(price));
      if (unknown) return missing("price", unknown.price);
      const method = methodOf(store, given.customer, given.default_payment_method);
      if (given.trial_period_days === undefined && !method) {
        return missingMethod();
      }
      return subscribe(store, given);
    },
  ),
  route("GET", "/v1/subscriptions/:id", params({}), (given, id, store) => {
    const subscription = store.all("subscription").get(id);
    if (!subscription) return missing("subscription", id);
    return expand(store, subscription, given.expand);
  }),
  route(
    "POST",
    "/v1/subscriptions/:id",
    params({
      items: z
        .array(
          z.strictObject({
            id: z.string().optional(),
            price: z.string(),
            quantity: wholeNumber.optional(),
          }),
        )
        .length(1)
        .optional(),
      proration_behavior: z
        .enum(["always_invoice", "create_prorations", "none"])
        .default("create_prorations"),
      cancel_at: wholeNumber.or(z.literal("").transform(() => null)).optional(),
      cancel_at_period_end: flag.optional(),
      default_payment_method: z.string().optional(),
      trial_end: z.literal("now").optional(),
      metadata,
    }),
    (given, id, store) => {
      const subscription = store.all("subscription").get(id);
      if (!subscription) return missing("subscription", id);
      if (isOver(subscription)) {
        return invalidRequest(
          "",
          "A canceled subscription can only update its cancellation_details.",
        );
      }
      const price = store.all("price").get(given.items?.[0]?.price ?? "");
      if (given.items && !price) return missing("price", given.items[0]?.price ?? "");
      const method = given.default_payment_method;
      if (method !== undefined && !store.all("payment_method").has(method)) {
        return missing("PaymentMethod", method);
      }
      const known = z.record(z.string(), z.string()).parse(subscription.metadata);
      subscription.metadata = { ...known, ...given.metadata };
      if (method !== undefined) subscription.default_payment_method = method;
      if (given.cancel_at !== undefined) subscription.cancel_at = given.cancel_at;
      if (given.cancel_at_period_end !== undefined) {
        const [item] = stateOf(subscription).items.data;
        subscription.cancel_at_period_end = given.cancel_at_period_end;
        subscription.cancel_at = given.cancel_at_period_end ? item?.current_period_end : null;
      }
      if (given.trial_end === "now" && subscription.status === "trialing") {
        endTrial(store, subscription);
      }
      if (price) changePrice(store, subscription, price, given.proration_behavior);
      store.emit("customer.subscription.updated", subscription);
      return subscription;
    },
  ),
  route(
    "DELETE",
    "/v1/subscriptions/:id",
    params({ invoice_now: flag.optional(), prorate: flag.optional() }),
    (_, id, store) => {
      const subscription = store.all("subscription").get(id);
      return subscription && subscription.status !== "canceled"
        ? end(store, subscription)
        : missing("subscription", id);
    },
  ),
];

/** What a subscription is to be. */
export interface Order {
  customer: string;
  items: { price: string; quantity?: number | undefined }[];
  cancel_at?: number | undefined;
  cancel_at_period_end?: boolean;
  trial_period_days?: number | undefined;
  trial_settings?: z.output<typeof trialSettings> | undefined;
  default_payment_method?: string | undefined;
  /** Ids of coupons. */
  coupons?: string[];
  metadata: Record<string, string>;
}

/** Makes a subscription and bills its first period. */
export function subscribe(store: Store, given: Order): StripeObject {
  const start = nowInSeconds(store);
  const trialEnd = given.trial_period_days ? start + given.trial_period_days * day : null;
  const items = given.items.map(({ price: id, quantity = 1 }) => {
    const price = store.all("price").get(id);
    return {
      id: newId("si"),
      object: "subscription_item",
      price,
      quantity,
      current_period_start: start,
      current_period_end: trialEnd ?? firstPeriodEnd(start, price),
    };
  });
  const ends = items[0]?.current_period_end ?? start;
  const fields = {
    customer: given.customer,
    status: "incomplete",
    items: { object: "list", data: items, has_more: false },
    billing_cycle_anchor: start,
    start_date: start,
    cancel_at: given.cancel_at ?? (given.cancel_at_period_end ? ends : null),
    cancel_at_period_end: given.cancel_at_period_end ?? false,
    canceled_at: null,
    ended_at: null,
    trial_start: trialEnd === null ? null : start,
    trial_end: trialEnd,
    trial_settings: given.trial_settings ?? null,
    default_payment_method: given.default_payment_method ?? null,
    latest_invoice: null,
    // Not told by Stripe in this form: what the next invoice takes off.
    coupons_of_next: (given.coupons ?? []).map((id) => store.all("coupon").get(id)),
  };
  const subscription = keep(store, "sub", "subscription", fields, given.metadata);
  const reason = "subscription_create";
  if (bill(store, subscription, { reason })) {
    subscription.status = trialEnd === null ? "active" : "trialing";
  }
  store.emit("customer.subscription.created", subscription);
  // Said three days before, and at once where the trial is shorter.
  if (trialEnd !== null && trialEnd - start <= 3 * day) {
    store.emit("customer.subscription.trial_will_end", subscription);
  }
  return subscription;
}

function endTrial(store: Store, subscription: StripeObject): void {
  const start = nowInSeconds(store);
  subscription.trial_end = start;
  const settings = trialSettings.safeParse(subscription.trial_settings).data;
  if (!methodOf(store, String(subscription.customer))) {
    const next = settings?.end_behavior.missing_payment_method;
    if (next === "cancel") {
      end(store, subscription);
      return;
    }
    if (next === "pause") {
      subscription.status = "paused";
      store.emit("customer.subscription.paused", subscription);
      return;
    }
  }
  const { data } = stateOf(subscription).items;
  const items = data.map((item) => ({
    ...item,
    current_period_start: start,
    current_period_end: periodEnd(start, start, item.price.recurring),
  }));
  subscription.billing_cycle_anchor = start;
  subscription.items = { object: "list", data: items, has_more: false };
  subscription.status = bill(store, subscription) ? "active" : "past_due";
}

function firstPeriodEnd(start: number, price: StripeObject | undefined): number {
  const recurring = z
    .object({
      recurring: z.object({
        interval: z.enum(["day", "week", "month", "year"]),
        interval_count: z.number().default(1),
      }),
    })
    .safeParse(price).data?.recurring;
  return periodEnd(start, start, recurring ?? { interval: "month", interval_count: 1 });
}

function missingMethod(): StripeError {
  const message = "This customer has no attached payment source or default payment method.";
  return invalidRequest("resource_missing", message);
}
