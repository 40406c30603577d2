import { z } from "zod";
import { invalidRequest, missing } from "./errors.ts";
import {
  flag,
  keep,
  metadata,
  newId,
  nowInSeconds,
  pageOf,
  paging,
  params,
  type Route,
  route,
} from "./route.ts";

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

/** Names of events, of which Stripe refuses those that it does not know. */
const events = z
  .array(
    z
      .string()
      .regex(
        /^(\*|(charge|checkout\.session|customer|invoice|refund)(\.(refund|dispute|subscription))?\.[a-z_]+)$/,
      ),
  )
  .min(1);

/** Products by an id of one's own, prices by lookup key, and the portal's configurations. */
export const catalogRoutes: Route[] = [
  route("GET", "/v1/products/:id", params({}), (_, id, store) => {
    return store.all("product").get(id) ?? missing("product", id);
  }),
  route(
    "GET",
    "/v1/prices",
    params({
      lookup_keys: z.array(z.string()).max(10).optional(),
      active: flag.optional(),
      ...paging,
    }),
    (given, _, store) => {
      const data = [...store.all("price").values()].filter(
        ({ lookup_key, active }) =>
          (given.active === undefined || active === given.active) &&
          (given.lookup_keys === undefined || given.lookup_keys.includes(String(lookup_key))),
      );
      return pageOf("/v1/prices", data, given);
    },
  ),
  route(
    "GET",
    "/v1/billing_portal/configurations",
    params({ active: flag.optional(), ...paging }),
    (given, __, store) =>
      pageOf("/v1/billing_portal/configurations", [...store.all("portal").values()], given),
  ),
  route(
    "POST",
    "/v1/billing_portal/configurations",
    params({ features, metadata }),
    (given, _, store) => {
      const product = given.features.subscription_update?.products?.[0]?.product;
      if (product && !store.all("product").has(product)) return missing("product", product);
      const id = newId("bpc");
      const object = "billing_portal.configuration";
      const created = { id, object, active: true, created: nowInSeconds(store), ...given };
      store.all("portal").set(id, created);
      return created;
    },
  ),
  route(
    "POST",
    "/v1/billing_portal/configurations/:id",
    params({ features: features.optional() }),
    (given, id, store) => {
      const present = store.all("portal").get(id);
      if (!present) return invalidRequest("resource_missing", `No such configuration: '${id}'`);
      return Object.assign(present, { features: given.features ?? present.features });
    },
  ),
  route("GET", "/v1/webhook_endpoints", params(paging), (given, _, store) =>
    pageOf("/v1/webhook_endpoints", [...store.all("webhook_endpoint").values()], given),
  ),
  route(
    "POST",
    "/v1/webhook_endpoints",
    params({
      url: z.url(),
      enabled_events: events,
      description: z.string().optional(),
      metadata,
    }),
    ({ url, enabled_events, description = null, ...given }, _, store) => {
      const fields = { url, enabled_events, description, status: "enabled" };
      const kept = keep(store, "we", "webhook_endpoint", fields, given.metadata);
      // Told once, when the endpoint is made.
      return { ...kept, secret: `whsec_${newId("made").slice(5)}` };
    },
  ),
  route(
    "POST",
    "/v1/webhook_endpoints/:id",
    params({ url: z.url().optional(), enabled_events: events.optional() }),
    (given, id, store) => {
      const present = store.all("webhook_endpoint").get(id);
      if (!present) return missing("webhook endpoint", id);
      return Object.assign(present, { enabled_events: given.enabled_events });
    },
  ),
];
