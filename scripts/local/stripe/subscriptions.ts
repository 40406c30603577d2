import { z } from "zod";
import { invalidRequest, missing, type StripeError } from "./errors.ts";
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
import { bill, end, expand, isOver, methodOf } from "./subscription-life.ts";

const day = 24 * 60 * 60;
const month = 30 * day;

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
      recurring: z.strictObject({ interval: z.enum(["day", "week", "month", "year"]) }).optional(),
      nickname: z.string().optional(),
      lookup_key: z.string().optional(),
      metadata,
    }),
    (given, _, store) => {
      if (!store.all("product").has(given.product)) return missing("product", given.product);
      const { product, currency, unit_amount, recurring = null, lookup_key = null } = given;
      const price = { product, currency, unit_amount, recurring, lookup_key, active: true };
      const kept = keep(store, "price", "price", price, given.metadata);
      store.emit("price.created", kept);
      return kept;
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
      trial_period_days: wholeNumber.optional(),
      trial_settings: trialSettings.optional(),
      metadata,
    }),
    (given, _, store) => {
      if (!store.all("customer").has(given.customer)) return missing("customer", given.customer);
      const unknown = given.items.find(({ price }) => !store.all("price").has(price));
      if (unknown) return missing("price", unknown.price);
      if (given.trial_period_days === undefined && !methodOf(store, given.customer)) {
        return missingMethod();
      }
      return subscribe(store, given);
    },
  ),
  route("GET", "/v1/subscriptions/:id", params({}), (given, id, store) => {
    const subscription = store.all("subscription").get(id);
    if (!subscription) return missing("subscription", id);
    return expand(store, subscription, given.expand?.includes("latest_invoice"));
  }),
  route(
    "POST",
    "/v1/subscriptions/:id",
    params({ trial_end: z.literal("now").optional(), metadata }),
    (given, id, store) => {
      const subscription = store.all("subscription").get(id);
      if (!subscription) return missing("subscription", id);
      if (isOver(subscription)) {
        return invalidRequest(
          "",
          "A canceled subscription can only update its cancellation_details.",
        );
      }
      const known = z.record(z.string(), z.string()).parse(subscription.metadata);
      subscription.metadata = { ...known, ...given.metadata };
      if (given.trial_end === "now" && subscription.status === "trialing") {
        endTrial(store, subscription);
      }
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

interface Order {
  customer: string;
  items: { price: string; quantity?: number | undefined }[];
  cancel_at?: number | undefined;
  cancel_at_period_end: boolean;
  trial_period_days?: number | undefined;
  trial_settings?: z.output<typeof trialSettings> | undefined;
  metadata: Record<string, string>;
}

function subscribe(store: Store, given: Order): StripeObject {
  const start = nowInSeconds();
  const trialEnd = given.trial_period_days ? start + given.trial_period_days * day : null;
  const period = { current_period_start: start, current_period_end: trialEnd ?? start + month };
  const items = given.items.map(({ price, quantity = 1 }) => ({
    id: newId("si"),
    object: "subscription_item",
    price: store.all("price").get(price),
    quantity,
    ...period,
  }));
  const fields = {
    customer: given.customer,
    status: "incomplete",
    items: { object: "list", data: items, has_more: false },
    cancel_at: given.cancel_at ?? (given.cancel_at_period_end ? period.current_period_end : null),
    cancel_at_period_end: given.cancel_at_period_end,
    canceled_at: null,
    ended_at: null,
    trial_end: trialEnd,
    trial_settings: given.trial_settings ?? null,
    latest_invoice: null,
  };
  const subscription = keep(store, "sub", "subscription", fields, given.metadata);
  if (bill(store, subscription)) subscription.status = trialEnd === null ? "active" : "trialing";
  store.emit("customer.subscription.created", subscription);
  // Said three days before, and at once where the trial is shorter.
  if (trialEnd !== null && trialEnd - start <= 3 * day) {
    store.emit("customer.subscription.trial_will_end", subscription);
  }
  return subscription;
}

function endTrial(store: Store, subscription: StripeObject): void {
  const start = nowInSeconds();
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
  const { data } = z.object({ data: z.array(z.object({}).loose()) }).parse(subscription.items);
  const period = { current_period_start: start, current_period_end: start + month };
  const items = data.map((item) => ({ ...item, ...period }));
  subscription.items = { object: "list", data: items, has_more: false };
  subscription.status = bill(store, subscription) ? "active" : "past_due";
}

function missingMethod(): StripeError {
  const message = "This customer has no attached payment source or default payment method.";
  return invalidRequest("resource_missing", message);
}
