import { z } from "zod";
import { invalidRequest, missing, type StripeError } from "./errors.ts";
import { findMethod } from "./payment-methods.ts";
import { type Bill, declined, pay } from "./payments.ts";
import {
  created,
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
  type Store,
  type StripeObject,
  wholeNumber,
} from "./route.ts";

/** A line of an invoice, as far as it is given. */
export interface Line {
  amount: number;
  period: { start: number; end: number };
  pricing?: object;
  parent?: { subscription_item_details?: { proration: boolean } };
}

/** An invoice shows its first lines; the rest are asked for. */
const shownLines = 10;

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
      const period = { start: nowInSeconds(store), end: nowInSeconds(store) };
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
  route(
    "GET",
    "/v1/invoices",
    params({
      ...paging,
      created,
      customer: z.string().optional(),
      subscription: z.string().optional(),
      status: z.enum(["draft", "open", "paid", "uncollectible", "void"]).optional(),
    }),
    (given, _, store) => {
      const isWanted = (invoice: StripeObject) =>
        (given.customer === undefined || invoice.customer === given.customer) &&
        (given.subscription === undefined || subscriptionOf(invoice) === given.subscription) &&
        (given.status === undefined || invoice.status === given.status);
      const found = [...store.all("invoice").values()].filter(isWanted);
      const withPayments = given.expand?.includes("data.payments") ?? false;
      return pageOf(
        "/v1/invoices",
        found.map((invoice) => shown(store, invoice, withPayments)),
        given,
      );
    },
  ),
  route("GET", "/v1/invoices/:id", params({}), (given, id, store) => {
    const invoice = store.all("invoice").get(id);
    const withPayments = given.expand?.includes("payments") ?? false;
    return invoice ? shown(store, invoice, withPayments) : missing("invoice", id);
  }),
  route("GET", "/v1/invoices/:id/lines", params(paging), (given, id, store) => {
    const invoice = store.all("invoice").get(id);
    if (!invoice) return missing("invoice", id);
    return pageOf(`/v1/invoices/${id}/lines`, [...linesOf(invoice)].reverse(), given);
  }),
  route(
    "GET",
    "/v1/invoice_payments",
    params({
      ...paging,
      invoice: z.string().optional(),
      payment: z
        .strictObject({ type: z.enum(["payment_intent"]), payment_intent: z.string() })
        .optional(),
    }),
    (given, _, store) => {
      const found = [...store.all("invoice_payment").values()].filter(
        (one) =>
          (given.invoice === undefined || one.invoice === given.invoice) &&
          (given.payment === undefined || intentOf(one) === given.payment.payment_intent),
      );
      return pageOf("/v1/invoice_payments", found, given);
    },
  ),
  route(
    "GET",
    "/v1/invoiceitems",
    params({ ...paging, customer: z.string().optional(), pending: flag.optional() }),
    (given, _, store) => {
      const found = [...store.all("invoiceitem").values()].filter(
        (item) =>
          (given.customer === undefined || item.customer === given.customer) &&
          (given.pending === undefined || given.pending === (item.invoice === null)),
      );
      return pageOf("/v1/invoiceitems", found, given);
    },
  ),
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
    billing_reason?: string;
    /** Those that take something off. */
    coupons?: { id: string; percent_off: number }[];
  },
  metadataGiven: Record<string, string> = {},
): StripeObject {
  const { coupons = [], lines: given, ...rest } = fields;
  const lines = given.map((line) => {
    const isCredit = line.amount < 0;
    const discount_amounts = coupons.map(({ id, percent_off }) => ({
      amount: isCredit ? 0 : Math.round((line.amount * percent_off) / 100),
      discount: `di_${id}`,
    }));
    return { id: newId("il"), object: "line_item", discount_amounts, ...line };
  });
  const total = lines.reduce(
    (sum, { amount, discount_amounts }) =>
      sum + amount - discount_amounts.reduce((off, one) => off + one.amount, 0),
    0,
  );
  // What a downgrade gave back is kept for the customer and pays later invoices.
  const customer = store.all("customer").get(fields.customer);
  const starting_balance = Number(customer?.balance ?? 0);
  const due = Math.max(0, total + starting_balance);
  const ending_balance = Math.min(0, total + starting_balance);
  if (customer) customer.balance = ending_balance;
  const invoice = {
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
    lines: { object: "list", data: lines, has_more: false },
  };
  const kept = keep(store, "in", "invoice", invoice, metadataGiven);
  store.emit("invoice.created", kept);
  return kept;
}

const linesSchema = z.object({
  lines: z.object({ data: z.array(z.looseObject({ id: z.string() })) }),
});

function linesOf(invoice: StripeObject): StripeObject[] {
  return linesSchema.parse(invoice).lines.data;
}

function shown(store: Store, invoice: StripeObject, withPayments: boolean): StripeObject {
  const all = linesOf(invoice);
  const lines = {
    object: "list",
    data: all.slice(0, shownLines),
    has_more: all.length > shownLines,
  };
  if (!withPayments) return { ...invoice, lines };
  const own = [...store.all("invoice_payment").values()].filter(
    (one) => one.invoice === invoice.id,
  );
  return { ...invoice, lines, payments: { object: "list", data: own, has_more: false } };
}

function subscriptionOf(invoice: StripeObject): string | undefined {
  const schema = z.object({
    parent: z.object({ subscription_details: z.object({ subscription: z.string() }) }),
  });
  return schema.safeParse(invoice).data?.parent.subscription_details.subscription;
}

function intentOf(payment: StripeObject): unknown {
  return (payment.payment as { payment_intent?: string }).payment_intent;
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
): "succeeded" | "failed" | "requires_action" | "processing" {
  const bill: Bill = {
    amount: Number(invoice.amount_remaining),
    currency: String(invoice.currency),
    customer: String(invoice.customer),
  };
  if (invoice.attempt_count === 0) invoice.attempt_count = 1;
  const { id: intent, status } = pay(store, bill, method);
  const isPaid = status === "succeeded";
  keep(store, "inpay", "invoice_payment", {
    invoice: invoice.id,
    amount_paid: isPaid ? bill.amount : null,
    amount_requested: bill.amount,
    currency: bill.currency,
    status: isPaid ? "paid" : "open",
    payment: { type: "payment_intent", payment_intent: intent },
  });
  if (isPaid) {
    settled(store, invoice);
    return "succeeded";
  }
  if (status === "processing") return "processing";
  store.emit("invoice.payment_failed", invoice);
  if (status !== "requires_action") return "failed";
  store.emit("invoice.payment_action_required", invoice);
  return "requires_action";
}

function settled(store: Store, invoice: StripeObject): void {
  const { amount_due } = invoice;
  const status_transitions = { paid_at: nowInSeconds(store), voided_at: null };
  const paid = { status: "paid", amount_paid: amount_due, amount_remaining: 0 };
  Object.assign(invoice, { ...paid, status_transitions });
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
