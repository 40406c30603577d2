import { z } from "zod";
import { missing } from "./errors.ts";
import { attach, findMethod } from "./payment-methods.ts";
import { keep, metadata, params, type Route, route } from "./route.ts";
import { end, isOver } from "./subscription-life.ts";

const fields = {
  email: z.string().optional(),
  name: z.string().optional(),
  description: z.string().optional(),
  invoice_settings: z.strictObject({ default_payment_method: z.string() }).optional(),
};

/** https://docs.stripe.com/api/customers */
export const customerRoutes: Route[] = [
  route(
    "POST",
    "/v1/customers",
    params({ ...fields, payment_method: z.string().optional(), metadata }),
    (given, _, store) => {
      const { email = null, name = null, description = null, payment_method } = given;
      const preferred = given.invoice_settings?.default_payment_method;
      const method = payment_method === undefined ? null : findMethod(store, payment_method);
      if (payment_method !== undefined && !method) return missing("PaymentMethod", payment_method);
      // The preferred one has to be the customer's: of a new customer, the one given beside it.
      if (preferred !== undefined && preferred !== payment_method) {
        return missing("PaymentMethod", preferred);
      }
      const invoice_settings = { default_payment_method: preferred ? (method?.id ?? null) : null };
      const customer = { email, name, description, invoice_settings };
      const kept = keep(store, "cus", "customer", customer, given.metadata);
      store.emit("customer.created", kept);
      if (method) attach(store, method.id, kept.id);
      return kept;
    },
  ),
  route("GET", "/v1/customers/:id", params({}), (_, id, store) => {
    const gone = store.all("deleted_customer").get(id);
    return store.all("customer").get(id) ?? gone ?? missing("customer", id);
  }),
  route("POST", "/v1/customers/:id", params({ ...fields, metadata }), (given, id, store) => {
    const customer = store.all("customer").get(id);
    if (!customer) return missing("customer", id);
    const preferred = given.invoice_settings?.default_payment_method;
    if (preferred && store.all("payment_method").get(preferred)?.customer !== id) {
      return missing("PaymentMethod", preferred);
    }
    const { metadata: added, expand: _, ...changes } = given;
    const known = z.record(z.string(), z.string()).parse(customer.metadata);
    Object.assign(customer, changes, { metadata: { ...known, ...added } });
    store.emit("customer.updated", customer);
    return customer;
  }),
  route("DELETE", "/v1/customers/:id", params({}), (_, id, store) => {
    const customer = store.all("customer").get(id);
    if (!customer) return missing("customer", id);
    for (const subscription of store.all("subscription").values()) {
      if (subscription.customer === id && !isOver(subscription)) end(store, subscription);
    }
    const answer = { id, object: "customer", deleted: true };
    store.all("customer").delete(id);
    store.all("deleted_customer").set(id, answer);
    store.emit("customer.deleted", customer);
    return answer;
  }),
];
