import { z } from "zod";
import { invalidRequest, missing, type StripeError } from "./errors.ts";
import { priceSchema, subscriptionSchema } from "./objects.ts";
import { day, periodEnd } from "./periods.ts";
import {
  created,
  flag,
  listOf,
  metadata,
  objectRoute,
  type Route,
  readRoutes,
  route,
  wholeNumber,
} from "./route.ts";
import { applyChanges, newId, type Store, type StripeObject } from "./store.ts";
import { bill, changePrice, end, expand, isOver, methodOf } from "./subscription-life.ts";

const trialSettings = z.strictObject({
  end_behavior: z.strictObject({
    missing_payment_method: z.enum(["cancel", "create_invoice", "pause"]),
  }),
});

const item = z.strictObject({ price: z.string(), quantity: wholeNumber.optional() });

/** https://docs.stripe.com/api/subscriptions */
export const subscriptionRoutes: Route[] = [
  route(
    "POST /v1/subscriptions",
    {
      customer: z.string(),
      items: z.array(item),
      cancel_at: wholeNumber.optional(),
      cancel_at_period_end: flag.default(false),
      default_payment_method: z.string().optional(),
      trial_period_days: wholeNumber.optional(),
      trial_settings: trialSettings.optional(),
      metadata,
    },
    (given, store) => {
      if (!store.find("customer", given.customer)) return missing("customer", given.customer);
      const unknown = given.items.find(({ price }) => !store.find("price", price));
      if (unknown) return missing("price", unknown.price);
      const method = methodOf(store, given.customer, given.default_payment_method);
      if (given.trial_period_days === undefined && !method) return missingMethod();
      return subscribe(store, given);
    },
  ),
  ...readRoutes(
    "/v1/subscriptions",
    "subscription",
    { created, customer: z.string().optional(), status: z.string().default("") },
    {
      matches: { status: ({ status }, wanted) => wanted === "all" || status !== "canceled" },
      show: expand,
    },
  ),
  objectRoute(
    "POST /v1/subscriptions/:id",
    "subscription",
    {
      items: z
        .array(item.extend({ id: z.string().optional() }))
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
    },
    ({ items, proration_behavior, trial_end, ...changes }, store, subscription) => {
      if (isOver(subscription)) {
        const message = "A canceled subscription can only update its cancellation_details.";
        return invalidRequest("", message);
      }
      const price = items && store.find("price", items[0]?.price);
      if (items && !price) return missing("price", items[0]?.price ?? "");
      const method = changes.default_payment_method;
      if (method !== undefined && !store.find("payment_method", method)) {
        return missing("payment_method", method);
      }
      if (changes.cancel_at_period_end !== undefined) {
        const [first] = subscriptionSchema.parse(subscription).items.data;
        changes.cancel_at = changes.cancel_at_period_end
          ? (first?.current_period_end ?? null)
          : null;
      }
      applyChanges(subscription, changes);
      if (trial_end === "now" && subscription.status === "trialing") endTrial(store, subscription);
      if (price) changePrice(store, subscription, price, proration_behavior);
      store.emit("customer.subscription.updated", subscription);
      return subscription;
    },
  ),
  objectRoute(
    "DELETE /v1/subscriptions/:id",
    "subscription",
    { invoice_now: flag.optional(), prorate: flag.optional() },
    (_, store, subscription) =>
      subscription.status === "canceled"
        ? missing("subscription", subscription.id)
        : end(store, subscription),
  ),
];

/** What a subscription is made from. */
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
  const start = store.now();
  const trialEnd = given.trial_period_days ? start + given.trial_period_days * day : null;
  const items = given.items.map(({ price: id, quantity = 1 }) => {
    const price = store.find("price", id);
    const { recurring } = priceSchema.parse(price);
    return {
      id: newId("si"),
      object: "subscription_item",
      price,
      quantity,
      current_period_start: start,
      current_period_end: trialEnd ?? periodEnd(start, start, recurring),
    };
  });
  const ends = items[0]?.current_period_end ?? start;
  const subscription = store.keep("subscription", {
    customer: given.customer,
    status: "incomplete",
    items: listOf(items),
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
    metadata: given.metadata,
    // Not a field of Stripe's: the coupons that reduce the next invoice.
    coupons_of_next: (given.coupons ?? []).map((id) => store.find("coupon", id)),
  });
  if (bill(store, subscription, "subscription_create")) {
    subscription.status = trialEnd === null ? "active" : "trialing";
  }
  store.emit("customer.subscription.created", subscription);
  // Stripe sends it three days before the end, or at once where the trial is shorter than that.
  if (trialEnd !== null && trialEnd - start <= 3 * day) {
    store.emit("customer.subscription.trial_will_end", subscription);
  }
  return subscription;
}

function endTrial(store: Store, subscription: StripeObject): void {
  const start = store.now();
  subscription.trial_end = start;
  const settings = trialSettings.safeParse(subscription.trial_settings).data;
  if (!methodOf(store, String(subscription.customer))) {
    const next = settings?.end_behavior.missing_payment_method;
    if (next === "cancel") {
      end(store, subscription);
      return;
    }
    if (next === "pause") {
      store.change(subscription, "customer.subscription.paused", { status: "paused" });
      return;
    }
  }
  const { data } = subscriptionSchema.parse(subscription).items;
  subscription.billing_cycle_anchor = start;
  subscription.items = listOf(
    data.map((one) => ({
      ...one,
      current_period_start: start,
      current_period_end: periodEnd(start, start, one.price.recurring),
    })),
  );
  subscription.status = bill(store, subscription) ? "active" : "past_due";
}

function missingMethod(): StripeError {
  const message = "This customer has no attached payment source or default payment method.";
  return invalidRequest("resource_missing", message);
}
