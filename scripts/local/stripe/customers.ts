import { z } from "zod";
import { missing } from "./errors.ts";
import { attach, findMethod } from "./payment-methods.ts";
import { metadata, objectRoute, orNull, type Route, route } from "./route.ts";
import { end, isOver } from "./subscription-life.ts";

const text = z.string();
const settings = z.strictObject({ default_payment_method: text });

/** https://docs.stripe.com/api/customers */
export const customerRoutes: Route[] = [
  route(
    "POST /v1/customers",
    {
      email: orNull(text),
      name: orNull(text),
      description: orNull(text),
      invoice_settings: settings.optional(),
      payment_method: text.optional(),
      metadata,
    },
    ({ payment_method, invoice_settings, ...fields }, store) => {
      const preferred = invoice_settings?.default_payment_method;
      const method = payment_method === undefined ? null : findMethod(store, payment_method);
      if (payment_method !== undefined && !method) return missing("payment_method", payment_method);
      // The preferred method must belong to the customer. A new customer has only the one that is given beside it.
      if (preferred !== undefined && preferred !== payment_method) {
        return missing("payment_method", preferred);
      }
      const default_payment_method = preferred ? (method?.id ?? null) : null;
      const customer = store.create("customer", {
        ...fields,
        invoice_settings: { default_payment_method },
      });
      if (method) attach(store, method.id, customer.id);
      return customer;
    },
  ),
  route("GET /v1/customers/:id", {}, (_, store, id) => {
    const deleted = store.find("deleted_customer", id);
    return store.find("customer", id) ?? deleted ?? missing("customer", id);
  }),
  objectRoute(
    "POST /v1/customers/:id",
    "customer",
    {
      email: text.optional(),
      name: text.optional(),
      description: text.optional(),
      invoice_settings: settings.optional(),
      metadata,
    },
    (given, store, customer) => {
      const preferred = given.invoice_settings?.default_payment_method;
      if (preferred && store.find("payment_method", preferred)?.customer !== customer.id) {
        return missing("payment_method", preferred);
      }
      return store.change(customer, "customer.updated", given);
    },
  ),
  objectRoute("DELETE /v1/customers/:id", "customer", {}, (_, store, customer) => {
    const { id } = customer;
    for (const subscription of store.list("subscription")) {
      if (subscription.customer === id && !isOver(subscription)) end(store, subscription);
    }
    const deleted = { id, object: "customer", deleted: true };
    store.delete("customer", id);
    store.put("deleted_customer", deleted);
    store.emit("customer.deleted", customer);
    return deleted;
  }),
];
