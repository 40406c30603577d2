import { z } from "zod";
import { invalidRequest, missing, type StripeError } from "./errors.ts";
import { findMethod } from "./payment-methods.ts";
import { type Bill, declined, pay } from "./payments.ts";
import {
  keep,
  metadata,
  nowInSeconds,
  params,
  type Route,
  route,
  type Store,
  type StripeObject,
  wholeNumber,
} from "./route.ts";

/** A line of an invoice, as far as it is given. */
export interface Line {
  amount: number;
  period: { start: number; end: number };
  pricing?: object;
  parent?: object;
}

/** https://docs.stripe.com/api/invoices */
export const invoiceRoutes: Route[] = [
  route(
    "POST",
    "/v1/invoiceitems",
    params({
      customer: z.string(),
      amount: wholeNumber,
      currency: z.string().length(3),
      description: z.string().optional(),
      metadata,
    }),
    (given, _, store) => {
      const { customer, amount, currency, description = null } = given;
      if (!store.all("customer").has(customer)) return missing("customer", customer);
      const item = { customer, amount, currency, description, invoice: null };
      const kept = keep(store, "ii", "invoiceitem", item, given.metadata);
      store.emit("invoiceitem.created", kept);
      return kept;
    },
  ),
  route(
    "POST",
    "/v1/invoices",
    params({
      customer: z.string(),
      description: z.string().optional(),
      pending_invoice_items_behavior: z.enum(["exclude", "include"]).default("exclude"),
      collection_method: z
        .enum(["charge_automatically", "send_invoice"])
        .default("charge_automatically"),
      days_until_due: wholeNumber.optional(),
      metadata,
    }),
    (given, _, store) => {
      const { customer, description = null, collection_method } = given;
      if (!store.all("customer").has(customer)) return missing("customer", customer);
      const period = { start: nowInSeconds(), end: nowInSeconds() };
      const pending = [...store.all("invoiceitem").values()].filter(
        (item) => item.customer === customer && item.invoice === null,
      );
      const items = given.pending_invoice_items_behavior === "include" ? pending : [];
      const currency = String(items[0]?.currency ?? "usd");
      const lines = items.map((item) => ({ amount: Number(item.amount), period }));
      const invoice = draft(
        store,
        { customer, currency, description, lines, collection_method },
        given.metadata,
      );
      for (const item of items) item.invoice = invoice.id;
      return invoice;
    },
  ),
  route("GET", "/v1/invoices/:id", params({}), (_, id, store) => {
    return store.all("invoice").get(id) ?? missing("invoice", id);
  }),
  route("POST", "/v1/invoices/:id", params({ metadata }), (given, id, store) => {
    const invoice = store.all("invoice").get(id);
    if (!invoice) return missing("invoice", id);
    Object.assign(invoice, { metadata: given.metadata });
    store.emit("invoice.updated", invoice);
    return invoice;
  }),
  route("POST", "/v1/invoices/:id/finalize", params({}), (_, id, store) => {
    const invoice = store.all("invoice").get(id);
    if (!invoice) return missing("invoice", id);
    return invoice.status === "draft" ? finalize(store, invoice) : wrongStatus(invoice);
  }),
  route(
    "POST",
    "/v1/invoices/:id/pay",
    params({ payment_method: z.string() }),
    (given, id, store) => {
      const invoice = store.all("invoice").get(id);
      if (!invoice) return missing("invoice", id);
      if (invoice.status === "draft") finalize(store, invoice);
      if (invoice.status !== "open") return wrongStatus(invoice);
      const method = findMethod(store, given.payment_method);
      if (!method) return missing("PaymentMethod", given.payment_method);
      const outcome = collect(store, invoice, method);
      if (outcome === "requires_action") return needsAction();
      return outcome === "succeeded" ? invoice : declined();
    },
  ),
  route("POST", "/v1/invoices/:id/send", params({}), (_, id, store) => {
    const invoice = store.all("invoice").get(id);
    if (!invoice) return missing("invoice", id);
    if (invoice.collection_method !== "send_invoice") return wrongStatus(invoice);
    if (invoice.status === "draft") finalize(store, invoice);
    store.emit("invoice.sent", invoice);
    return invoice;
  }),
  route("DELETE", "/v1/invoices/:id", params({}), (_, id, store) => {
    const invoice = store.all("invoice").get(id);
    if (!invoice) return missing("invoice", id);
    if (invoice.status !== "draft") return wrongStatus(invoice);
    store.all("invoice").delete(id);
    store.emit("invoice.deleted", invoice);
    return { id, object: "invoice", deleted: true };
  }),
  ...(["void", "mark_uncollectible"] as const).map((verb) =>
    route("POST", `/v1/invoices/:id/${verb}`, params({}), (_, id, store) => {
      const invoice = store.all("invoice").get(id);
      if (!invoice) return missing("invoice", id);
      if (invoice.status !== "open") return wrongStatus(invoice);
      invoice.status = verb === "void" ? "void" : "uncollectible";
      store.emit(verb === "void" ? "invoice.voided" : "invoice.marked_uncollectible", invoice);
      return invoice;
    }),
  ),
];

/** Makes an invoice, which can still be changed. */
export function draft(
  store: Store,
  fields: {
    customer: string;
    currency: string;
    lines: Line[];
    collection_method: string;
    description?: string | null;
    parent?: object;
  },
  metadataGiven: Record<string, string> = {},
): StripeObject {
  const due = fields.lines.reduce((sum, { amount }) => sum + amount, 0);
  const invoice = {
    parent: null,
    ...fields,
    status: "draft",
    amount_due: due,
    amount_paid: 0,
    amount_remaining: due,
    lines: { object: "list", data: fields.lines, has_more: false },
  };
  const kept = keep(store, "in", "invoice", invoice, metadataGiven);
  store.emit("invoice.created", kept);
  return kept;
}

/** Makes an invoice final. Where there is nothing to pay, it is paid. */
export function finalize(store: Store, invoice: StripeObject): StripeObject {
  invoice.status = "open";
  store.emit("invoice.finalized", invoice);
  if (invoice.amount_due === 0) settled(store, invoice);
  return invoice;
}

/** Tries to take what an invoice asks for. */
export function collect(
  store: Store,
  invoice: StripeObject,
  method: StripeObject,
): "succeeded" | "failed" | "requires_action" {
  const bill: Bill = {
    amount: Number(invoice.amount_remaining),
    currency: String(invoice.currency),
    customer: String(invoice.customer),
  };
  const { status } = pay(store, bill, method);
  if (status === "succeeded") {
    settled(store, invoice);
    return "succeeded";
  }
  store.emit("invoice.payment_failed", invoice);
  if (status !== "requires_action") return "failed";
  store.emit("invoice.payment_action_required", invoice);
  return "requires_action";
}

function settled(store: Store, invoice: StripeObject): void {
  const { amount_due } = invoice;
  Object.assign(invoice, { status: "paid", amount_paid: amount_due, amount_remaining: 0 });
  store.emit("invoice.paid", invoice);
  store.emit("invoice.payment_succeeded", invoice);
}

function needsAction(): StripeError {
  const code = "invoice_payment_intent_requires_action";
  const message = "Payment for this invoice requires additional user action.";
  return { status: 402, error: { type: "card_error", code, message } };
}

function wrongStatus({ id, status }: StripeObject): StripeError {
  return invalidRequest("", `The invoice ${id} has a status of ${status}, and cannot do this.`);
}
