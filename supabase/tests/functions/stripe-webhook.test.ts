import assert from "node:assert/strict";
import Stripe from "stripe";
import { createStripeProvider } from "../../functions/_shared/stripe/provider.ts";
import { createHandler } from "../../functions/stripe-webhook/handler.ts";
import { stubProvider, stubService } from "./billing-support.ts";
import { assertMatches, keptLog } from "./support.ts";

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

/** The lists that are read beside the subscription. */
const empty = { list: async function* () {} };

function setUp(
  options: {
    /** Reads a subscription; null if no key is configured. */
    retrieve?: ((id: string) => Promise<unknown>) | null;
    answers?: Record<string, unknown>;
    secrets?: string[];
  } = {},
) {
  const { lines, log } = keptLog();
  const { secrets = ["whsec_new"], retrieve = () => Promise.resolve(subscription) } = options;
  const { service, calls } = stubService({
    begin_webhook_event: { status: "received", read_number: "7" },
    record_webhook_event: { status: "processed", tasks: [] },
    ...options.answers,
  });
  const read: string[] = [];
  const stripe = {
    subscriptions: {
      retrieve: (id: string) => {
        read.push(id);
        return retrieve?.(id);
      },
    },
    invoices: empty,
    invoiceItems: empty,
    charges: empty,
    disputes: empty,
  } as unknown as Stripe;
  const handler = createHandler({
    service,
    providers: retrieve
      ? {
          stripe: createStripeProvider({
            stripe,
            livemode: false,
            webhookSecrets: secrets,
            portalConfiguration: null,
            mirrorCoupon: () => Promise.reject(new Error("No checkout is opened here.")),
            now: () => now,
          }),
        }
      : {},
    hasSecret: secrets.length > 0,
    log,
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
  const recorded = () => {
    const args = calls.find(({ name }) => name === "record_webhook_event")?.args ?? {};
    return { ...args, effect: (args.effect ?? {}) as { kind?: string; reason?: string } };
  };
  return { handler, send, calls, lines, read, recorded };
}

function refusal(code: string) {
  return new Stripe.errors.StripeInvalidRequestError({
    type: "invalid_request_error",
    code,
    message: "No.",
  });
}

async function answerOf(response: Response) {
  return { status: response.status, ...(await response.json()) };
}

const processed = { status: "processed", received: true };
const ignored = { status: "ignored", received: true };

Deno.test("the object of a signed event is read after a number was drawn, and only what was read is recorded", async () => {
  const paused = { ...subscription, status: "paused" };
  const { send, calls, recorded } = setUp({ retrieve: () => Promise.resolve(paused) });
  assert.deepEqual(await answerOf(await send(updated)), processed);
  assert.deepEqual(
    calls.map(({ name }) => name),
    ["begin_webhook_event", "record_webhook_event"],
  );
  const { effect, ...rest } = recorded() as Record<string, unknown>;
  assertMatches(effect, { kind: "subscription", snapshot: { status: "paused" } });
  assertMatches(rest, { event_id: "evt_1", read_number: "7" });
});

Deno.test("a body with one changed byte is refused before the database is called", async () => {
  const { send, calls } = setUp();
  const response = await send(updated, { tamper: (text) => text.replace("active", "Active") });
  const { status, error } = await answerOf(response);
  assert.equal(status, 400);
  assert.equal(error.code, "invalid_signature");
  assert.deepEqual(calls, []);
});

Deno.test("each of several configured secrets is accepted, and no other", async () => {
  const { send } = setUp({ secrets: ["whsec_old", "whsec_new"] });
  assert.equal((await send(updated, { secret: "whsec_old" })).status, 200);
  assert.equal((await send(updated, { secret: "whsec_new" })).status, 200);
  assert.equal((await send(updated, { secret: "whsec_other" })).status, 400);
});

Deno.test("a signature that is older than five minutes or from the future is refused", async () => {
  const { send } = setUp();
  assert.equal((await send(updated, { timestamp: seconds - 299 })).status, 200);
  assert.equal((await send(updated, { timestamp: seconds - 301 })).status, 400);
  assert.equal((await send(updated, { timestamp: seconds + 30 })).status, 200);
  assert.equal((await send(updated, { timestamp: seconds + 61 })).status, 400);
});

Deno.test("of several timestamps in a header the last one counts, as in Stripe's library", async () => {
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
  // The first timestamp is now, but the signature is for a later one.
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

Deno.test("a body is verified before it is parsed", async () => {
  const { send } = setUp();
  const refused = await send("{ not json", { secret: "whsec_other" });
  assert.equal((await refused.json()).error.code, "invalid_signature");
  assert.deepEqual(await answerOf(await send("{ not json")), ignored);
});

Deno.test("a body of more than 256 KiB is refused while it is read", async () => {
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

Deno.test("without a key or a secret the error names the missing variable", async () => {
  const keyless = await setUp({ retrieve: null }).send(updated);
  assert.equal(keyless.status, 503);
  assert.match((await keyless.json()).error.message, /STRIPE_SECRET_KEY/);
  const secretless = await setUp({ secrets: [] }).send(updated);
  assert.equal(secretless.status, 503);
  assert.match((await secretless.json()).error.message, /STRIPE_WEBHOOK_SECRET/);
});

Deno.test("an event of an unused type is answered 200 and ignored, and nothing is read", async () => {
  const answers = { record_webhook_event: { status: "ignored", tasks: [] } };
  const { send, recorded, read } = setUp({ answers });
  assert.deepEqual(await answerOf(await send(event("payout.paid", { id: "po_1" }))), ignored);
  assert.equal(recorded().effect.kind, "ignored");
  assert.deepEqual(read, []);
});

Deno.test("a thin event is read by the id of its object, like a snapshot event", async () => {
  const { send, recorded, read } = setUp();
  const thin = {
    id: "evt_thin",
    object: "v2.core.event",
    type: "v1.customer.subscription.updated",
    created: "2026-06-01T00:00:00.000Z",
    livemode: false,
    related_object: { id: "sub_1", type: "subscription", url: "/v1/subscriptions/sub_1" },
  };
  assert.deepEqual(await answerOf(await send(thin)), processed);
  assert.deepEqual(read, ["sub_1"]);
  assert.equal(recorded().effect.kind, "subscription");
});

Deno.test("a duplicate is answered 200, and not read or recorded again", async () => {
  const { send, calls, read } = setUp({
    answers: { begin_webhook_event: { status: "duplicate" } },
  });
  assert.deepEqual(await answerOf(await send(updated)), { status: "duplicate", received: true });
  assert.equal(calls.length, 1);
  assert.deepEqual(read, []);
});

Deno.test("an event whose read fails is kept as failed and answered 502", async () => {
  const { send, calls } = setUp({ retrieve: () => Promise.reject(new Error("Down.")) });
  const response = await send(updated);
  assert.equal(response.status, 502);
  assert.deepEqual(
    calls.map(({ name }) => name),
    ["begin_webhook_event", "fail_webhook_event"],
  );
  assert.match(String(calls[1]?.args.error), /upstream_error/);
});

Deno.test("an event that the database cannot record is answered 500", async () => {
  const answers = { record_webhook_event: new Error("no connection") };
  const { send, calls } = setUp({ answers });
  assert.equal((await send(updated)).status, 500);
  assert.equal(calls.at(-1)?.name, "fail_webhook_event");
});

Deno.test("an event about an object that Stripe does not have yet is parked, because a retry at once would not help", async () => {
  const answers = { record_webhook_event: { status: "parked", tasks: [] } };
  const missing = () => Promise.reject(refusal("resource_missing"));
  const { send, recorded } = setUp({ retrieve: missing, answers });
  assert.equal((await send(updated)).status, 200);
  assertMatches(recorded().effect, { kind: "parked", waits_for: "object:sub_1" });
});

Deno.test("with a key of the test mode a live event is ignored, and nothing is read", async () => {
  const answers = { record_webhook_event: { status: "ignored", tasks: [] } };
  const { send, recorded, read } = setUp({ answers });
  const live = event("customer.subscription.updated", subscription, { livemode: true });
  assert.deepEqual(await answerOf(await send(live)), ignored);
  assertMatches(recorded().effect, { kind: "ignored", other_mode: "live" });
  assert.deepEqual(read, []);
});

Deno.test("an event of a connected account is ignored", async () => {
  const { send, recorded, read } = setUp();
  await send(event("customer.subscription.updated", subscription, { account: "acct_1" }));
  assert.equal(recorded().effect.kind, "ignored");
  assert.deepEqual(read, []);
});

Deno.test("only the ids of an event and its object are stored, and they suffice to read it again", async () => {
  const personal = {
    ...subscription,
    customer_email: "ada@example.test",
    customer_address: { line1: "1 Main Street" },
    default_payment_method: { card: { last4: "4242" } },
  };
  const { send, recorded } = setUp();
  await send(event("customer.subscription.updated", personal));
  const { payload } = recorded() as { payload?: object };
  assert.deepEqual((payload as { data: object }).data, {
    object: { id: "sub_1", object: "subscription" },
  });
  const again = setUp();
  await again.send(payload);
  assert.deepEqual(again.recorded(), recorded());
});

Deno.test("the log line has the event's id and outcome, but not its contents", async () => {
  const { send, lines } = setUp();
  await send(updated);
  assertMatches(lines[0], { event_id: "evt_1", outcome: "processed" });
  assert.doesNotMatch(JSON.stringify(lines), /cus_1|sub_1/);
});

Deno.test("a subscription that the database wants cancelled is cancelled at Stripe, and the task is finished", async () => {
  const cancelled: string[] = [];
  const tasks = [{ id: 9, provider: "stripe", subscription_id: "sub_1", action: "cancel" }];
  const { service, calls } = stubService({
    begin_webhook_event: { status: "received", read_number: "7" },
    record_webhook_event: { status: "ignored", tasks },
  });
  const stripe = stubProvider({
    verify: () => Promise.resolve(true),
    parse: () => ({
      id: "evt_1",
      type: "invoice.paid",
      created: new Date(now).toISOString(),
      livemode: false,
      payload: {},
      read: () => Promise.resolve({ kind: "ignored", reason: "" }),
    }),
    cancel: (id) => {
      cancelled.push(id);
      return Promise.resolve();
    },
  });
  const handler = createHandler({ service, providers: { stripe }, hasSecret: true, log: () => {} });
  await handler(new Request("http://functions.test/", { method: "POST", body: "{}" }));
  assert.deepEqual(cancelled, ["sub_1"]);
  assertMatches(calls.find(({ name }) => name === "finish_provider_task")?.args, {
    id: "9",
    error: null,
  });
});
