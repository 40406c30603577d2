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
  type StripeObject,
  wholeNumber,
} from "./route.ts";

const month = 30 * 24 * 60 * 60;

/** Customers, products, prices and subscriptions, as far as anybody here asks for them. */
export const subscriptionRoutes: Route[] = [
  route(
    "POST",
    "/v1/customers",
    params({
      email: z.string().optional(),
      name: z.string().optional(),
      description: z.string().optional(),
      payment_method: z.string().optional(),
      invoice_settings: z.strictObject({ default_payment_method: z.string() }).optional(),
      metadata,
    }),
    (given, _, store) => {
      const { email = null, name = null, description = null } = given;
      const customer = { email, name, description, metadata: given.metadata };
      return keep(store.all("customer"), "cus", "customer", customer);
    },
  ),
  route("GET", "/v1/customers/:id", params({}), (_, id, store) => {
    return store.all("customer").get(id) ?? missing("customer", id);
  }),
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
      return keep(store.all("product"), "prod", "product", product, given.metadata);
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
      return keep(store.all("price"), "price", "price", price, given.metadata);
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
      metadata,
    }),
    (given, _, store) => {
      if (!store.all("customer").has(given.customer)) return missing("customer", given.customer);
      const unknown = given.items.find(({ price }) => !store.all("price").has(price));
      if (unknown) return missing("price", unknown.price);
      const start = nowInSeconds();
      const items = given.items.map(({ price, quantity = 1 }) => ({
        id: newId("si"),
        object: "subscription_item",
        price: store.all("price").get(price),
        quantity,
        current_period_start: start,
        current_period_end: start + month,
      }));
      const subscription = {
        customer: given.customer,
        status: "active",
        items: { object: "list", data: items, has_more: false },
        cancel_at: given.cancel_at ?? (given.cancel_at_period_end ? start + month : null),
        cancel_at_period_end: given.cancel_at_period_end,
        canceled_at: null,
        ended_at: null,
      };
      return keep(store.all("subscription"), "sub", "subscription", subscription, given.metadata);
    },
  ),
  route("GET", "/v1/subscriptions/:id", params({}), (_, id, store) => {
    return store.all("subscription").get(id) ?? missing("subscription", id);
  }),
  route(
    "DELETE",
    "/v1/subscriptions/:id",
    params({ invoice_now: flag.optional(), prorate: flag.optional() }),
    (_, id, store) => {
      const subscription = store.all("subscription").get(id);
      if (!subscription) return missing("subscription", id);
      if (subscription.status === "canceled") {
        return invalidRequest("resource_missing", `No such subscription: '${id}'`, "id");
      }
      const now = nowInSeconds();
      return Object.assign(subscription, { status: "canceled", canceled_at: now, ended_at: now });
    },
  ),
];

function keep(
  objects: Map<string, StripeObject>,
  prefix: string,
  kind: string,
  fields: Record<string, unknown>,
  metadataGiven: Record<string, string> = {},
): StripeObject {
  const id = typeof fields.id === "string" ? fields.id : newId(prefix);
  const common = { id, object: kind, created: nowInSeconds(), livemode: false };
  const object = { metadata: metadataGiven, ...common, ...fields };
  objects.set(id, object);
  return object;
}
