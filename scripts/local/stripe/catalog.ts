import { z } from "zod";
import { invalidRequest, missing } from "./errors.ts";
import {
  flag,
  metadata,
  objectRoute,
  orNull,
  type Route,
  readRoutes,
  retrieveRoute,
  route,
  wholeNumber,
} from "./route.ts";
import { newId } from "./store.ts";

const enabled = z.strictObject({ enabled: flag });

const features = z.strictObject({
  customer_update: enabled.optional(),
  invoice_history: enabled.optional(),
  payment_method_update: enabled.optional(),
  subscription_cancel: enabled
    .extend({ mode: z.enum(["at_period_end", "immediately"]).optional() })
    .optional(),
  subscription_update: enabled
    .extend({
      default_allowed_updates: z.array(z.enum(["price", "promotion_code", "quantity"])).optional(),
      proration_behavior: z.enum(["always_invoice", "create_prorations", "none"]).optional(),
      products: z
        .array(z.strictObject({ product: z.string(), prices: z.array(z.string()) }))
        .optional(),
    })
    .optional(),
});

/** Names of events. Stripe refuses names that it does not have. */
const eventNames = z
  .array(
    z
      .string()
      .regex(
        /^(\*|(charge|checkout\.session|customer|invoice|refund)(\.(refund|dispute|subscription))?\.[a-z_]+)$/,
      ),
  )
  .min(1);

/** Products, prices, the portal's configurations and the webhook endpoints. */
export const catalogRoutes: Route[] = [
  route(
    "POST /v1/products",
    {
      id: z.string().optional(),
      name: z.string().min(1),
      description: orNull(z.string()),
      metadata,
    },
    (given, store) => store.create("product", { ...given, active: true }),
  ),
  retrieveRoute("/v1/products", "product"),
  route(
    "POST /v1/prices",
    {
      product: z.string(),
      currency: z.string().length(3),
      unit_amount: wholeNumber,
      recurring: orNull(
        z.strictObject({
          interval: z.enum(["day", "week", "month", "year"]),
          interval_count: wholeNumber.default(1),
        }),
      ),
      transfer_lookup_key: flag.default(false),
      nickname: orNull(z.string()),
      lookup_key: orNull(z.string()),
      metadata,
    },
    ({ transfer_lookup_key, ...fields }, store) => {
      const { product, lookup_key } = fields;
      if (!store.find("product", product)) return missing("product", product);
      const owner = store.list("price").find((price) => price.lookup_key === lookup_key);
      if (lookup_key !== null && owner) {
        if (!transfer_lookup_key) {
          const message = "A price already uses that lookup key.";
          return invalidRequest("resource_already_exists", message, "lookup_key");
        }
        owner.lookup_key = null;
      }
      return store.create("price", { ...fields, active: true });
    },
  ),
  objectRoute(
    "POST /v1/prices/:id",
    "price",
    { active: flag.optional(), nickname: z.string().optional(), metadata },
    (given, store, price) => store.change(price, "price.updated", given),
  ),
  ...readRoutes(
    "/v1/prices",
    "price",
    { lookup_keys: z.array(z.string()).max(10).optional(), active: flag.optional() },
    { matches: { lookup_keys: ({ lookup_key }, wanted) => [wanted].flat().includes(lookup_key) } },
  ),
  route("POST /v1/billing_portal/configurations", { features, metadata }, (given, store) => {
    const product = given.features.subscription_update?.products?.[0]?.product;
    if (product && !store.find("product", product)) return missing("product", product);
    return store.keep("billing_portal.configuration", { ...given, active: true });
  }),
  objectRoute(
    "POST /v1/billing_portal/configurations/:id",
    "billing_portal.configuration",
    { features: features.optional() },
    (given, _, configuration) => Object.assign(configuration, given),
  ),
  ...readRoutes("/v1/billing_portal/configurations", "billing_portal.configuration", {
    active: flag.optional(),
  }),
  route(
    "POST /v1/webhook_endpoints",
    {
      url: z.url(),
      enabled_events: eventNames,
      description: orNull(z.string()),
      metadata,
    },
    (given, store) => {
      const endpoint = store.keep("webhook_endpoint", { ...given, status: "enabled" });
      // Stripe shows the secret once, in the answer to this request.
      return { ...endpoint, secret: `whsec_${newId("made").slice(5)}` };
    },
  ),
  objectRoute(
    "POST /v1/webhook_endpoints/:id",
    "webhook_endpoint",
    { url: z.url().optional(), enabled_events: eventNames.optional() },
    (given, _, endpoint) => Object.assign(endpoint, given),
  ),
  ...readRoutes("/v1/webhook_endpoints", "webhook_endpoint", {}),
];
