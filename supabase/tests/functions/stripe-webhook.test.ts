import assert from "node:assert/strict";
import Stripe from "stripe";
import type { LogFields } from "../../functions/_shared/log.ts";
import type { Snapshot } from "../../functions/_shared/snapshot.ts";
import type { StripeReader } from "../../functions/_shared/stripe-reader.ts";
import { createHandler } from "../../functions/stripe-webhook/handler.ts";

const userId = "0b7a3a8e-3f0c-4d0a-9c1e-5a1c2b3d4e5f";
const now = Date.UTC(2026, 5, 1);
const seconds = now / 1000;

const subscription = {
  id: "sub_1",
  object: "subscription",
  customer: "cus_1",
  livemode: false,
  status: "active",
  metadata: { pinebase_user_id: userId },
  items: {
    data: [
      {
        price: { id: "price_1" },
        current_period_start: seconds,
        current_period_end: seconds + 2_592_000,
      },
    ],
  },
};

function event(type: string, object: object, changes: object = {}) {
  return {
    id: "evt_1",
    object: "event",
    type,
    created: seconds,
    livemode: false,
    data: { object },
    ...changes,
  };
}

const updated = event("customer.subscription.updated", subscription);

interface Call {
  name: string;
  args: Record<string, unknown>;
}

function setUp(
  options: {
    reader?: Partial<StripeReader>;
    answers?: Record<string, unknown>;
    secrets?: string[];
  } = {},
) {
  const calls: Call[] = [];
  const lines: LogFields[] = [];
  const answers: Record<string, unknown> = {
    record_webhook_event: { status: "received", read_number: "7" },
    settle_webhook_event: { status: "processed" },
    fail_webhook_event: null,
    ...options.answers,
  };
  const { secrets = ["whsec_new"] } = options;
  const handler = createHandler({
    service: {
      rpc: (name, args) => {
        calls.push({ name, args });
        const data = answers[name];
        return Promise.resolve(
          data instanceof Error
            ? { data: null, error: { code: "XX000", message: data.message } }
            : { data, error: null },
        );
      },
    },
    secrets,
    reader: options.reader
      ? {
          livemode: false,
          subscription: () => Promise.resolve(null),
          subscriptionsOf: () => Promise.resolve([]),
          customerOfCharge: () => Promise.resolve(null),
          ...options.reader,
        }
      : null,
    now: () => now,
    log: (line) => lines.push(line),
  });
  const send = async (
    body: unknown,
    { secret = "whsec_new", timestamp = seconds, tamper = (text: string) => text } = {},
  ) => {
    const payload = typeof body === "string" ? body : JSON.stringify(body);
    const header = await Stripe.webhooks.generateTestHeaderStringAsync({
      payload,
      secret,
      timestamp,
      cryptoProvider: Stripe.createSubtleCryptoProvider(),
    });
    return await handler(
      new Request("http://functions.test/stripe-webhook", {
        method: "POST",
        headers: { "stripe-signature": header },
        body: tamper(payload),
      }),
    );
  };
  const settled = () => {
    const args = calls.find(({ name }) => name === "settle_webhook_event")?.args;
    return {
      read_number: args?.read_number,
      effect: (args?.effect ?? {}) as { kind?: string; reason?: string; snapshot?: Snapshot },
    };
  };
  return { handler, send, calls, lines, settled };
}

function snapshotOf(changes: Partial<Snapshot>): Snapshot {
  return {
    provider: "stripe",
    id: "sub_1",
    customer_id: "cus_1",
    livemode: false,
    status: "active",
    price_ids: ["price_1"],
    periods: {},
    period_start: null,
    period_end: null,
    cancel_at: null,
    ended_at: null,
    paid: false,
    payments: [],
    user_id: null,
    ...changes,
  };
}

async function answerOf(response: Response) {
  return { status: response.status, body: await response.json() };
}

const processed = { status: 200, body: { received: true, status: "processed" } };
const ignored = { status: 200, body: { received: true, status: "ignored" } };

Deno.test("a signed event is recorded, then settled with the number that was drawn", async () => {
  const { send, calls, settled } = setUp();
  assert.deepEqual(await answerOf(await send(updated)), processed);
  assert.deepEqual(
    calls.map(({ name }) => name),
    ["record_webhook_event", "settle_webhook_event"],
  );
  assert.equal(calls[0]?.args.can_read, false);
  assert.equal(settled().read_number, "7");
});

Deno.test("a body that was changed by one byte is refused, and nothing is asked of the database", async () => {
  const { send, calls } = setUp();
  const response = await send(updated, { tamper: (text) => text.replace("active", "Active") });
  const { status, body } = await answerOf(response);
  assert.equal(status, 400);
  assert.equal(body.error.code, "invalid_signature");
  assert.deepEqual(calls, []);
});

Deno.test("each of several secrets counts while one replaces the other, and no other does", async () => {
  const { send } = setUp({ secrets: ["whsec_old", "whsec_new"] });
  assert.equal((await send(updated, { secret: "whsec_old" })).status, 200);
  assert.equal((await send(updated, { secret: "whsec_new" })).status, 200);
  assert.equal((await send(updated, { secret: "whsec_other" })).status, 400);
});

Deno.test("a signature is refused after five minutes, and from the future", async () => {
  const { send } = setUp();
  assert.equal((await send(updated, { timestamp: seconds - 299 })).status, 200);
  assert.equal((await send(updated, { timestamp: seconds - 301 })).status, 400);
  assert.equal((await send(updated, { timestamp: seconds + 30 })).status, 200);
  assert.equal((await send(updated, { timestamp: seconds + 61 })).status, 400);
});

Deno.test("of several times in a header the last one counts, as in Stripe's library", async () => {
  const { handler, calls } = setUp();
  const payload = JSON.stringify(updated);
  const signatureOf = async (timestamp: number) => {
    const header = await Stripe.webhooks.generateTestHeaderStringAsync({
      payload,
      secret: "whsec_new",
      timestamp,
      cryptoProvider: Stripe.createSubtleCryptoProvider(),
    });
    return header.split(",v1=")[1];
  };
  const statusOf = async (header: string) => {
    const headers = { "stripe-signature": header };
    const url = "http://functions.test/stripe-webhook";
    return (await handler(new Request(url, { method: "POST", headers, body: payload }))).status;
  };
  const far = seconds + 3600;
  const signedNow = await signatureOf(seconds);
  // The present time stands first, and the signature is for a time in the future.
  assert.equal(await statusOf(`t=${seconds},t=${far},v1=${await signatureOf(far)}`), 400);
  assert.deepEqual(calls, []);
  assert.equal(await statusOf(`t=${far},t=${seconds},v1=${signedNow}`), 200);
  assert.equal(await statusOf(`t=${far},v1=${signedNow},t=${seconds}`), 200);
});

Deno.test("a request without a signature is refused", async () => {
  const { handler } = setUp();
  const request = new Request("http://functions.test/stripe-webhook", {
    method: "POST",
    body: "{}",
  });
  assert.equal((await handler(request)).status, 400);
});

Deno.test("a body is not parsed before it is verified", async () => {
  const { send } = setUp();
  const refused = await send("{ not json", { secret: "whsec_other" });
  assert.equal((await refused.json()).error.code, "invalid_signature");
  assert.deepEqual(await answerOf(await send("{ not json")), ignored);
});

Deno.test("a body beyond 256 KiB is refused while it streams", async () => {
  const { handler } = setUp();
  let sent = 0;
  const body = new ReadableStream({
    pull(controller) {
      sent += 64 * 1024;
      controller.enqueue(new Uint8Array(64 * 1024));
    },
  });
  const request = new Request("http://functions.test/stripe-webhook", { method: "POST", body });
  assert.equal((await handler(request)).status, 413);
  assert.ok(sent < 1024 * 1024, `${sent} bytes were taken`);
});

Deno.test("without a webhook secret the function says that it is not configured", async () => {
  const { send } = setUp({ secrets: [] });
  assert.equal((await send(updated)).status, 503);
});

Deno.test("an event of a type that is not used is answered 200 and ignored", async () => {
  const { send, settled } = setUp({ answers: { settle_webhook_event: { status: "ignored" } } });
  assert.deepEqual(await answerOf(await send(event("payout.paid", { id: "po_1" }))), ignored);
  assert.equal(settled().effect.kind, "ignored");
});

Deno.test("a thin event is acknowledged", async () => {
  const { send, calls } = setUp({ answers: { settle_webhook_event: { status: "ignored" } } });
  const thin = {
    id: "evt_thin",
    object: "v2.core.event",
    type: "v1.billing.meter.error_report_triggered",
    created: "2026-06-01T00:00:00.000Z",
    livemode: false,
    related_object: { id: "mtr_1", type: "billing.meter" },
  };
  assert.deepEqual(await answerOf(await send(thin)), ignored);
  assert.equal(calls[0]?.args.event_id, "evt_thin");
});

Deno.test("a duplicate is answered 200 and settled no second time", async () => {
  const { send, calls } = setUp({ answers: { record_webhook_event: { status: "duplicate" } } });
  assert.deepEqual(await answerOf(await send(updated)), {
    status: 200,
    body: { received: true, status: "duplicate" },
  });
  assert.equal(calls.length, 1);
});

Deno.test("with a key the subscription is read after its number was drawn, and only that is believed", async () => {
  const order: string[] = [];
  const { send, settled, calls } = setUp({
    reader: {
      subscription: (id) => {
        order.push(`${id} after ${calls.map(({ name }) => name)}`);
        return Promise.resolve(snapshotOf({ status: "past_due" }));
      },
    },
  });
  assert.deepEqual(await answerOf(await send(updated)), processed);
  assert.deepEqual(order, ["sub_1 after record_webhook_event"]);
  assert.equal(settled().effect.snapshot?.status, "past_due");
  assert.equal(calls[0]?.args.can_read, true);
});

Deno.test("an error of a handler is never swallowed: it is kept as failed and answered 5xx", async () => {
  const { send, calls } = setUp({
    reader: { subscription: () => Promise.reject(new Error("sk_test_secret is wrong")) },
  });
  const { status, body } = await answerOf(await send(updated));
  assert.equal(status, 502);
  assert.equal(body.error.code, "upstream_error");
  const failed = calls.find(({ name }) => name === "fail_webhook_event");
  assert.equal(failed?.args.event_id, "evt_1");
  assert.ok(!String(failed?.args.error).includes("sk_test"));
});

Deno.test("a database that does not settle is answered 5xx", async () => {
  const { send, calls } = setUp({ answers: { settle_webhook_event: new Error("no") } });
  assert.equal((await send(updated)).status, 500);
  assert.equal(calls.at(-1)?.name, "fail_webhook_event");
});

Deno.test("a subscription that Stripe does not have is parked, because a retry would not help", async () => {
  const { send, settled } = setUp({
    reader: {},
    answers: { settle_webhook_event: { status: "parked" } },
  });
  const { status, body } = await answerOf(await send(updated));
  assert.deepEqual({ status, body }, { status: 200, body: { received: true, status: "parked" } });
  assert.match(settled().effect.reason ?? "", /sub_1/);
});

Deno.test("with a key of the test mode a live event is ignored and nothing is read", async () => {
  let reads = 0;
  const { send, settled } = setUp({
    reader: {
      subscription: () => {
        reads += 1;
        return Promise.resolve(snapshotOf({}));
      },
    },
  });
  await send({ ...updated, livemode: true });
  assert.equal(reads, 0);
  assert.equal(settled().effect.kind, "ignored");
});

Deno.test("no name, address, email, phone or card is stored", async () => {
  const { send, calls } = setUp();
  const secret = "Ada Lovelace";
  const session = {
    id: "cs_1",
    object: "checkout.session",
    mode: "subscription",
    status: "complete",
    payment_status: "paid",
    customer: { id: "cus_1", name: secret, email: secret },
    subscription: "sub_1",
    customer_details: { name: secret, email: secret, phone: secret, address: { line1: secret } },
    metadata: { pinebase_user_id: userId, note: secret },
  };
  await send(event("checkout.session.completed", session));
  await send(event("customer.deleted", { id: "cus_1", object: "customer", name: secret }));
  await send(
    event("invoice.paid", {
      id: "in_1",
      object: "invoice",
      customer: "cus_1",
      customer_name: secret,
      customer_email: secret,
      subscription: "sub_1",
      status: "paid",
      lines: { data: [{ amount: 1, period: { start: 1, end: 2 }, description: secret }] },
    }),
  );
  await send(
    event("charge.refunded", {
      id: "ch_1",
      object: "charge",
      customer: "cus_1",
      billing_details: { name: secret },
      payment_method_details: { card: { last4: secret } },
    }),
  );
  await send(event("payment_method.attached", { id: "pm_1", card: { last4: secret } }));
  assert.equal(calls.length, 10);
  assert.ok(!JSON.stringify(calls).includes(secret));
});

Deno.test("the log line names the event and holds nothing of it", async () => {
  const { send, lines } = setUp();
  await send(updated);
  assert.equal(lines[0]?.event_id, "evt_1");
  assert.ok(!JSON.stringify(lines).includes("cus_1"));
});

Deno.test("an object that has not the documented form is parked for a person", async () => {
  const { send, settled } = setUp();
  await send(event("customer.subscription.updated", { ...subscription, status: "dormant" }));
  assert.deepEqual(settled().effect, {
    kind: "parked",
    reason: "The object has no usable field status.",
  });
});
