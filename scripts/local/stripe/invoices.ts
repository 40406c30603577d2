import { z } from "zod";
import { invalidRequest, missing, type StripeError } from "./errors.ts";
import { subscriptionOf } from "./objects.ts";
import { findMethod } from "./payment-methods.ts";
import { declined, pay } from "./payments.ts";
import {
  created,
  flag,
  listOf,
  metadata,
  objectRoute,
  orNull,
  pageOf,
  paging,
  type Route,
  readRoutes,
  route,
  wholeNumber,
} from "./route.ts";
import { newId, type Store, type StripeObject } from "./store.ts";

/** What a line of an invoice is made from. */
export interface Line {
  amount: number;
  period: { start: number; end: number };
  pricing?: object;
  parent?: { subscription_item_details?: { proration: boolean } };
}

/** The number of lines inside an invoice. The rest are read by another route. */
const shownLines = 10;

const text = z.string().optional();

/** https://docs.stripe.com/api/invoices */
export const invoiceRoutes: Route[] = [
  route(
    "POST /v1/invoiceitems",
    {
      customer: z.string(),
      amount: wholeNumber,
      currency: z.string().length(3),
      description: orNull(z.string()),
      metadata,
    },
    (given, store) => {
      if (!store.find("customer", given.customer)) return missing("customer", given.customer);
      return store.create("invoiceitem", { ...given, invoice: null });
    },
  ),
  ...readRoutes(
    "/v1/invoiceitems",
    "invoiceitem",
    { customer: text, pending: flag.optional() },
    { matches: { pending: ({ invoice }, wanted) => wanted === (invoice === null) } },
  ),
  route(
    "POST /v1/invoices",
    {
      customer: z.string(),
      description: orNull(z.string()),
      pending_invoice_items_behavior: z.enum(["exclude", "include"]).default("exclude"),
      collection_method: z
        .enum(["charge_automatically", "send_invoice"])
        .default("charge_automatically"),
      days_until_due: wholeNumber.optional(),
      metadata,
    },
    ({ pending_invoice_items_behavior, days_until_due, ...given }, store) => {
      const { customer } = given;
      if (!store.find("customer", customer)) return missing("customer", customer);
      const isPending = (item: StripeObject) =>
        pending_invoice_items_behavior === "include" &&
        item.customer === customer &&
        item.invoice === null;
      const items = store.list("invoiceitem").filter(isPending);
      const period = { start: store.now(), end: store.now() };
      const invoice = draft(store, {
        ...given,
        currency: String(items[0]?.currency ?? "usd"),
        lines: items.map((item) => ({ amount: Number(item.amount), period })),
      });
      for (const item of items) item.invoice = invoice.id;
      return invoice;
    },
  ),
  ...readRoutes(
    "/v1/invoices",
    "invoice",
    {
      created,
      customer: text,
      subscription: text,
      status: z.enum(["draft", "open", "paid", "uncollectible", "void"]).optional(),
    },
    {
      matches: { subscription: (invoice, wanted) => subscriptionOf(invoice) === wanted },
      show: withFirstLines,
    },
  ),
  objectRoute("GET /v1/invoices/:id/lines", "invoice", paging, (given, _, invoice) =>
    pageOf(`/v1/invoices/${invoice.id}/lines`, linesOf(invoice).reverse(), given),
  ),
  ...readRoutes("/v1/invoice_payments", "invoice_payment", {
    invoice: text,
    payment: z
      .strictObject({ type: z.enum(["payment_intent"]), payment_intent: z.string() })
      .optional(),
  }),
  objectRoute("POST /v1/invoices/:id", "invoice", { metadata }, (given, store, invoice) =>
    store.change(invoice, "invoice.updated", given),
  ),
  objectRoute("POST /v1/invoices/:id/finalize", "invoice", {}, (_, store, invoice) =>
    invoice.status === "draft" ? finalize(store, invoice) : wrongStatus(invoice),
  ),
  objectRoute(
    "POST /v1/invoices/:id/pay",
    "invoice",
    { payment_method: z.string() },
    ({ payment_method }, store, invoice) => {
      if (invoice.status === "draft") finalize(store, invoice);
      if (invoice.status !== "open") return wrongStatus(invoice);
      const method = findMethod(store, payment_method);
      if (!method) return missing("payment_method", payment_method);
      const outcome = collect(store, invoice, method);
      if (outcome === "requires_action") return actionRequired();
      return outcome === "succeeded" ? invoice : declined();
    },
  ),
  objectRoute("POST /v1/invoices/:id/send", "invoice", {}, (_, store, invoice) => {
    if (invoice.collection_method !== "send_invoice") return wrongStatus(invoice);
    if (invoice.status === "draft") finalize(store, invoice);
    store.emit("invoice.sent", invoice);
    return invoice;
  }),
  objectRoute("DELETE /v1/invoices/:id", "invoice", {}, (_, store, invoice) => {
    if (invoice.status !== "draft") return wrongStatus(invoice);
    store.delete("invoice", invoice.id);
    store.emit("invoice.deleted", invoice);
    return { id: invoice.id, object: "invoice", deleted: true };
  }),
  objectRoute("POST /v1/invoices/:id/void", "invoice", {}, (_, store, invoice) =>
    invoice.status === "open"
      ? store.change(invoice, "invoice.voided", { status: "void" })
      : wrongStatus(invoice),
  ),
  objectRoute("POST /v1/invoices/:id/mark_uncollectible", "invoice", {}, (_, store, invoice) =>
    invoice.status === "open"
      ? store.change(invoice, "invoice.marked_uncollectible", { status: "uncollectible" })
      : wrongStatus(invoice),
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
    billing_reason?: string;
    /** The coupons that reduce it. */
    coupons?: { id: string; percent_off?: number | null | undefined }[];
    metadata?: object;
  },
): StripeObject {
  const { coupons = [], lines: given, ...rest } = fields;
  const lines = given.map((line) => {
    const isCredit = line.amount < 0;
    const discount_amounts = coupons.map(({ id, percent_off }) => ({
      amount: isCredit ? 0 : Math.round((line.amount * (percent_off ?? 0)) / 100),
      discount: `di_${id}`,
    }));
    return { id: newId("il"), object: "line_item", discount_amounts, ...line };
  });
  const total = lines.reduce(
    (sum, { amount, discount_amounts }) =>
      sum + amount - discount_amounts.reduce((off, one) => off + one.amount, 0),
    0,
  );
  // The customer's balance holds what a downgrade gave back. It pays later invoices.
  const customer = store.find("customer", fields.customer);
  const starting_balance = Number(customer?.balance ?? 0);
  const due = Math.max(0, total + starting_balance);
  const ending_balance = Math.min(0, total + starting_balance);
  if (customer) customer.balance = ending_balance;
  return store.create("invoice", {
    parent: null,
    billing_reason: "manual",
    ...rest,
    status: "draft",
    subtotal: given.reduce((sum, { amount }) => sum + amount, 0),
    total,
    starting_balance,
    ending_balance,
    amount_due: due,
    amount_paid: 0,
    amount_remaining: due,
    attempt_count: 0,
    status_transitions: { finalized_at: null, paid_at: null, voided_at: null },
    lines: listOf(lines),
  });
}

const linesSchema = z.object({
  lines: z.object({ data: z.array(z.looseObject({ id: z.string() })) }),
});

function linesOf(invoice: StripeObject): StripeObject[] {
  return linesSchema.parse(invoice).lines.data;
}

function withFirstLines(
  store: Store,
  invoice: StripeObject,
  expand: readonly string[],
): StripeObject {
  const all = linesOf(invoice);
  const lines = { ...listOf(all.slice(0, shownLines)), has_more: all.length > shownLines };
  if (!expand.includes("payments")) return { ...invoice, lines };
  const own = store.list("invoice_payment").filter((one) => one.invoice === invoice.id);
  return { ...invoice, lines, payments: listOf(own) };
}

/** Makes an invoice final. It is paid at once where its amount is zero. */
export function finalize(store: Store, invoice: StripeObject): StripeObject {
  store.change(invoice, "invoice.finalized", { status: "open" });
  if (invoice.amount_due === 0) markPaid(store, invoice);
  return invoice;
}

/** Tries to take the amount of an invoice from a payment method. */
export function collect(
  store: Store,
  invoice: StripeObject,
  method: StripeObject,
): "succeeded" | "failed" | "requires_action" | "processing" {
  const bill = {
    amount: Number(invoice.amount_remaining),
    currency: String(invoice.currency),
    customer: String(invoice.customer),
  };
  if (invoice.attempt_count === 0) invoice.attempt_count = 1;
  const { id: intent, status } = pay(store, bill, method);
  const isPaid = status === "succeeded";
  store.keep("invoice_payment", {
    invoice: invoice.id,
    amount_paid: isPaid ? bill.amount : null,
    amount_requested: bill.amount,
    currency: bill.currency,
    status: isPaid ? "paid" : "open",
    payment: { type: "payment_intent", payment_intent: intent },
  });
  if (isPaid) {
    markPaid(store, invoice);
    return "succeeded";
  }
  if (status === "processing") return "processing";
  store.emit("invoice.payment_failed", invoice);
  if (status !== "requires_action") return "failed";
  store.emit("invoice.payment_action_required", invoice);
  return "requires_action";
}

function markPaid(store: Store, invoice: StripeObject): void {
  store.change(invoice, "invoice.paid", {
    status: "paid",
    amount_paid: invoice.amount_due,
    amount_remaining: 0,
    status_transitions: { paid_at: store.now(), voided_at: null },
  });
  store.emit("invoice.payment_succeeded", invoice);
}

function actionRequired(): StripeError {
  const code = "invoice_payment_intent_requires_action";
  const message = "Payment for this invoice requires additional user action.";
  return { status: 402, error: { type: "card_error", code, message } };
}

function wrongStatus({ id, status }: StripeObject): StripeError {
  return invalidRequest("", `The invoice ${id} has a status of ${status}, and cannot do this.`);
}
