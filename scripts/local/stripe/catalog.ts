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
      limit: wholeNumber.optional(),
    }),
    (given, _, store) => {
      const data = [...store.all("price").values()].filter(
        ({ lookup_key }) =>
          given.lookup_keys === undefined || given.lookup_keys.includes(String(lookup_key)),
      );
      return { id: "list", object: "list", url: "/v1/prices", has_more: false, data };
    },
  ),
  route(
    "GET",
    "/v1/billing_portal/configurations",
    params({ active: flag.optional(), limit: wholeNumber.optional() }),
    (_, __, store) => {
      const data = [...store.all("portal").values()];
      const url = "/v1/billing_portal/configurations";
      return { id: "list", object: "list", url, has_more: false, data };
    },
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
      const created = { id, object, active: true, created: nowInSeconds(), ...given };
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
];
