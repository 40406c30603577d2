import assert from "node:assert/strict";
import { readStripeEvent } from "../../functions/_shared/stripe-events.ts";
import { subscriptionSchema } from "../../functions/_shared/stripe-objects.ts";
import { stripeSnapshot } from "../../functions/_shared/stripe-snapshot.ts";

const userId = "0b7a3a8e-3f0c-4d0a-9c1e-5a1c2b3d4e5f";
const june = Date.UTC(2026, 5, 1) / 1000;
const july = Date.UTC(2026, 6, 1) / 1000;
const iso = (seconds: number) => new Date(seconds * 1000).toISOString();

const subscription = {
  id: "sub_1",
  object: "subscription",
  customer: "cus_1",
  livemode: false,
  status: "active",
  metadata: { pinebase_user_id: userId },
  cancel_at: null,
  cancel_at_period_end: false,
  items: {
    data: [{ price: { id: "price_1" }, current_period_start: june, current_period_end: july }],
  },
};

const snapshotOf = (changes: object) =>
  stripeSnapshot(subscriptionSchema.parse({ ...subscription, ...changes }));

function hintOf(type: string, object: object) {
  const event = { id: "evt_1", object: "event", created: june, livemode: false };
  const read = readStripeEvent({ ...event, type, data: { object } });
  assert.ok(read);
  return read.hint;
}

Deno.test("a period is read from the items, as the API tells it since 2025-03-31", () => {
  const { period_start, period_end, periods } = snapshotOf({});
  assert.deepEqual([period_start, period_end], [iso(june), iso(july)]);
  assert.deepEqual(periods, { price_1: { start: iso(june), end: iso(july) } });
});

Deno.test("a period is read from the subscription, as the API told it before", () => {
  const { period_start, period_end } = snapshotOf({
    current_period_start: june,
    current_period_end: july,
    items: { data: [{ price: { id: "price_1" } }] },
  });
  assert.deepEqual([period_start, period_end], [iso(june), iso(july)]);
});

Deno.test("a plan stands for a price in events of 2020-08-27", () => {
  const items = { data: [{ plan: { id: "plan_1" } }] };
  assert.deepEqual(snapshotOf({ items, current_period_end: july }).price_ids, ["plan_1"]);
});

Deno.test("cancel_at and cancel_at_period_end both mean a scheduled end", () => {
  assert.equal(snapshotOf({}).cancel_at, null);
  assert.equal(snapshotOf({ cancel_at_period_end: true }).cancel_at, iso(july));
  assert.equal(snapshotOf({ cancel_at: june + 60 }).cancel_at, iso(june + 60));
});

Deno.test("a period is paid when its invoice is, or has nothing to pay", () => {
  const paid = (latest_invoice: unknown) => snapshotOf({ latest_invoice }).paid;
  const invoice = { id: "in_1", object: "invoice", customer: "cus_1" };
  assert.equal(paid({ ...invoice, status: "paid" }), true);
  assert.equal(paid({ ...invoice, paid: true }), true);
  assert.equal(paid({ ...invoice, status: "draft", amount_remaining: 0 }), true);
  assert.equal(paid({ ...invoice, status: "open", amount_remaining: 900 }), false);
  assert.equal(paid({ ...invoice, status: "void", amount_remaining: 0 }), false);
  assert.equal(paid({ ...invoice, status: "uncollectible", amount_remaining: 0 }), false);
  assert.equal(paid(null), true);
  assert.equal(paid("in_1"), false);
});

Deno.test("a discount, in the plural or the singular, changes nothing of what is read", () => {
  assert.deepEqual(snapshotOf({ discounts: ["di_1"] }), snapshotOf({}));
  assert.deepEqual(snapshotOf({ discount: { id: "di_1" } }), snapshotOf({}));
});

Deno.test("pause_collection is not the status paused", () => {
  assert.equal(snapshotOf({ pause_collection: { behavior: "void" } }).status, "active");
  assert.equal(snapshotOf({ status: "paused" }).status, "paused");
});

Deno.test("metadata that we did not write names no user", () => {
  assert.equal(snapshotOf({ metadata: { pinebase_user_id: "somebody" } }).user_id, null);
  assert.equal(snapshotOf({ metadata: { user_id: userId } }).user_id, null);
  assert.equal(snapshotOf({ client_reference_id: userId, metadata: null }).user_id, null);
});

const oldLine = {
  amount: 900,
  period: { start: june, end: july },
  proration: false,
  subscription: "sub_1",
  price: { id: "price_1" },
};
const newLine = {
  amount: 900,
  period: { start: june, end: july },
  pricing: { price_details: { price: "price_1" } },
  parent: { subscription_item_details: { subscription: "sub_1", proration: false } },
};
const invoice = { id: "in_1", object: "invoice", customer: "cus_1", status: "paid" };
const payment = { price_ids: ["price_1"], from: iso(june), through: iso(july) };

Deno.test("what an invoice says was paid is read in both of its forms", () => {
  const before = { ...invoice, subscription: "sub_1", lines: { data: [oldLine] } };
  const parent = { subscription_details: { subscription: "sub_1", metadata: {} } };
  const after = { ...invoice, parent, lines: { data: [newLine] } };
  for (const object of [before, after]) {
    const hint = hintOf("invoice.paid", object);
    assert.equal(hint.about, "subscription");
    assert.deepEqual(hint.effect.kind === "payment" && hint.effect.payments, [payment]);
  }
});

Deno.test("a proration and a trial are no paid period", () => {
  const lines = {
    data: [
      { ...oldLine, proration: true },
      { ...oldLine, amount: 0 },
      { ...oldLine, subscription: "sub_2" },
    ],
  };
  const hint = hintOf("invoice.paid", { ...invoice, subscription: "sub_1", lines });
  assert.equal(hint.effect.kind, "ignored");
});

Deno.test("an invoice for no subscription is ignored", () => {
  assert.equal(hintOf("invoice.paid", invoice).about, "itself");
});

Deno.test("a checkout can complete unpaid, and then succeed or fail", () => {
  const session = {
    id: "cs_1",
    object: "checkout.session",
    mode: "subscription",
    status: "complete",
    customer: "cus_1",
    subscription: "sub_1",
  };
  const completed = (type: string, payment_status: string, changes = {}) => {
    const hint = hintOf(`checkout.session.${type}`, { ...session, payment_status, ...changes });
    return hint.effect.kind === "checkout" && hint.effect.completed;
  };
  assert.equal(completed("completed", "paid"), true);
  assert.equal(completed("completed", "no_payment_required"), true);
  assert.equal(completed("completed", "unpaid"), null);
  assert.equal(completed("async_payment_succeeded", "paid"), true);
  assert.equal(completed("async_payment_failed", "unpaid"), false);
  assert.equal(completed("expired", "unpaid", { status: "expired" }), false);
});

Deno.test("a checkout for a single payment is not ours", () => {
  const session = { id: "cs_1", object: "checkout.session", mode: "payment", customer: "cus_1" };
  assert.equal(hintOf("checkout.session.completed", session).effect.kind, "ignored");
});

Deno.test("refunds and disputes are incidents of their charge's customer", () => {
  assert.deepEqual(hintOf("charge.refunded", { id: "ch_1", object: "charge", customer: "cus_1" }), {
    about: "money",
    customer: "cus_1",
    charge: "ch_1",
    effect: { kind: "incident", customer_id: "cus_1", snapshots: [] },
  });
  const dispute = { id: "du_1", object: "dispute", charge: "ch_1" };
  assert.deepEqual(hintOf("charge.dispute.created", dispute), {
    about: "money",
    customer: null,
    charge: "ch_1",
    effect: { kind: "incident", customer_id: null, snapshots: [] },
  });
});

Deno.test("an event of a connected account is about an object that is not ours", () => {
  const event = readStripeEvent({
    id: "evt_1",
    object: "event",
    type: "customer.subscription.updated",
    created: june,
    livemode: false,
    account: "acct_1",
    data: { object: subscription },
  });
  assert.equal(event?.hint.effect.kind, "ignored");
});

Deno.test("what is stored of an event can be read again and means the same", () => {
  const parent = { subscription_details: { subscription: { id: "sub_1" }, metadata: {} } };
  for (const [type, object] of [
    ["customer.subscription.updated", { ...subscription, customer: { id: "cus_1", name: "Ada" } }],
    ["invoice.paid", { ...invoice, parent, lines: { data: [newLine] } }],
  ] as const) {
    const first = readStripeEvent({
      id: "evt_1",
      object: "event",
      type,
      created: june,
      livemode: false,
      data: { object },
    });
    const again = readStripeEvent(JSON.parse(JSON.stringify(first?.payload)));
    assert.deepEqual(again, first);
  }
});
