import assert from "node:assert/strict";
import type Stripe from "stripe";
import { readSubscription } from "../../functions/_shared/stripe/reader.ts";
import { assertMatches } from "./support.ts";

const start = Date.UTC(2026, 5, 1) / 1000;
const day = 86_400;
const iso = (seconds: number) => new Date(seconds * 1000).toISOString();

const subscription = {
  id: "sub_1",
  object: "subscription",
  customer: { id: "cus_1" },
  livemode: false,
  status: "active",
  start_date: start,
  items: {
    data: [
      { price: { id: "p" }, current_period_start: start, current_period_end: start + 30 * day },
    ],
  },
};

function line(changes: object = {}, item: object = {}) {
  return {
    amount: 900,
    period: { start, end: start + 30 * day },
    pricing: { price_details: { price: "p" } },
    parent: {
      subscription_item_details: { subscription: "sub_1", proration: false, ...item },
    },
    ...changes,
  };
}

function invoice(lines: object[], changes: object = {}) {
  return {
    id: "in_1",
    status: "paid",
    currency: "usd",
    created: start,
    amount_paid: 900,
    status_transitions: { paid_at: start + 5 },
    lines: { data: lines, has_more: false },
    payments: { data: [{ payment: { payment_intent: "pi_1" } }] },
    ...changes,
  };
}

async function* each(objects: readonly object[]) {
  yield* objects;
}

async function read(given: {
  subscription?: object;
  invoices?: object[];
  pending?: object[];
  charges?: object[];
  disputes?: object[];
  lines?: object[];
}) {
  const list = (objects: object[] = []) => ({ list: () => each(objects) });
  const stripe = {
    subscriptions: { retrieve: () => Promise.resolve({ ...subscription, ...given.subscription }) },
    invoices: { ...list(given.invoices), listLineItems: () => each(given.lines ?? []) },
    invoiceItems: list(given.pending),
    charges: list(given.charges),
    disputes: list(given.disputes),
  } as unknown as Stripe;
  const snapshot = await readSubscription(stripe, "sub_1", false);
  if ("missing" in snapshot) throw new Error("The subscription is missing.");
  return snapshot;
}

Deno.test("the period is read from the item, and cancel_at and cancel_at_period_end both give a scheduled end", async () => {
  const snapshot = await read({ subscription: { cancel_at_period_end: true } });
  assert.deepEqual(snapshot.items, [
    { price_id: "p", start: iso(start), end: iso(start + 30 * day) },
  ]);
  assert.equal(snapshot.cancel_at, iso(start + 30 * day));
  assert.equal(
    (await read({ subscription: { cancel_at: start + day } })).cancel_at,
    iso(start + day),
  );
});

Deno.test("metadata that is no user id names no user", async () => {
  const named = (pinebase_user_id: string) =>
    read({ subscription: { metadata: { pinebase_user_id } } });
  assert.equal((await named("somebody")).user_id, null);
  const id = "0b7a3a8e-3f0c-4d0a-9c1e-5a1c2b3d4e5f";
  assert.equal((await named(id)).user_id, id);
});

Deno.test("a paid invoice gives its period; a trial, a credit and a line of another subscription do not", async () => {
  const { payments } = await read({
    invoices: [
      invoice([
        line(),
        line({ amount: 0 }),
        line({ amount: -400 }, { proration: true }),
        line({}, { subscription: "sub_2" }),
      ]),
    ],
  });
  const [payment] = payments;
  assertMatches(payment, { id: "in_1", amount: 900, paid_at: iso(start + 5) });
  assert.deepEqual(payment?.lines, [
    { price_id: "p", from: iso(start), through: iso(start + 30 * day), proration: false },
  ]);
});

Deno.test("an invoice with a discount of 100 % is a payment of 0 with its line", async () => {
  const { payments } = await read({
    invoices: [invoice([line()], { amount_paid: 0, payments: null })],
  });
  assertMatches(payments, [{ amount: 0, lines: [{ price_id: "p" }] }]);
});

Deno.test("all lines of a long invoice are read", async () => {
  const shown = { lines: { data: [line({ amount: 0 })], has_more: true } };
  const { payments } = await read({ invoices: [invoice([], shown)], lines: [line()] });
  assert.equal(payments[0]?.lines.length, 1);
});

Deno.test("a move to another price is read from a proration that is paid, unpaid or not invoiced yet", async () => {
  const moved = line({ pricing: { price_details: { price: "q" } } }, { proration: true });
  const paid = await read({ invoices: [invoice([moved])] });
  assertMatches(paid.payments[0]?.lines, [{ price_id: "q", proration: true }]);
  const at = iso(start);
  const unpaid = await read({ invoices: [invoice([moved], { status: "open" })] });
  assert.deepEqual(unpaid.changes, [{ price_id: "q", at }]);
  const pending = {
    ...moved,
    proration: true,
    parent: { subscription_details: { subscription: "sub_1" } },
  };
  assert.deepEqual((await read({ pending: [pending] })).changes, [{ price_id: "q", at }]);
});

Deno.test("the unpaid period is the first one after the paid one, and a proration is no period", async () => {
  const next = { period: { start: start + 30 * day, end: start + 60 * day } };
  const { unpaid_since } = await read({
    subscription: { status: "past_due" },
    invoices: [
      invoice([line()]),
      invoice([line(next)], { id: "in_2", status: "open" }),
      invoice([line({ period: { start: start - day, end: start } })], {
        id: "in_0",
        status: "uncollectible",
      }),
    ],
  });
  assert.equal(unpaid_since, iso(start + 30 * day));
  const proration = await read({
    invoices: [invoice([line()]), invoice([line({}, { proration: true })], { status: "open" })],
  });
  assert.equal(proration.unpaid_since, null);
});

Deno.test("refunds and disputes are assigned to the payment of their charge", async () => {
  const refund = {
    id: "re_1",
    amount: 900,
    currency: "usd",
    status: "succeeded",
    reason: null,
    created: start,
  };
  const charge = {
    id: "ch_1",
    payment_intent: "pi_1",
    disputed: true,
    refunds: { data: [refund] },
  };
  const dispute = {
    ...{ id: "du_1", amount: 900, currency: "usd", status: "warning_closed", reason: "fraudulent" },
    ...{ created: start, evidence_details: { due_by: start + day } },
  };
  const { payments } = await read({
    invoices: [invoice([line()])],
    charges: [charge, { ...charge, id: "ch_2", payment_intent: "pi_2" }],
    disputes: [dispute],
  });
  assertMatches(payments[0], {
    refunds: [{ id: "re_1", amount: 900, status: "succeeded", created_at: iso(start) }],
    disputes: [{ id: "du_1", status: "won", due_at: iso(start + day) }],
  });
});
