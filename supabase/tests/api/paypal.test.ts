import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { billingOf, offerPlans, paypalPlan } from "../support/billing.ts";
import { gather, type Member, postAs } from "../support/crowd.ts";
import { app, startKeyedFunctions } from "../support/keyed-functions.ts";
import { type PaypalFake, type PaypalObject, startPaypalFake } from "../support/paypal-fake.ts";

/** PayPal: approved, paid, suspended, cancelled, against a PayPal of the tests' own. */

let paypal: PaypalFake;
let functions: Awaited<ReturnType<typeof startKeyedFunctions>>;
let crowd: Member[];
let user: Member;

const day = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * day).toISOString();

beforeAll(async () => {
  paypal = await startPaypalFake();
  paypal.plans.set(paypalPlan, {
    id: paypalPlan,
    billing_cycles: [
      { tenure_type: "REGULAR", frequency: { interval_unit: "MONTH", interval_count: 1 } },
    ],
  });
  functions = await startKeyedFunctions({
    PAYPAL_CLIENT_ID: "paypal-id",
    PAYPAL_CLIENT_SECRET: "paypal-secret",
    PAYPAL_WEBHOOK_ID: paypal.webhookId,
    PAYPAL_API_BASE: paypal.url,
  });
  await offerPlans();
  crowd = await gather(16);
});

beforeEach(() => {
  const next = crowd.pop();
  if (!next) throw new Error("gather more");
  user = next;
});

afterAll(async () => {
  await functions?.stop();
  await paypal?.close();
});

const request = { plan_type: "premium_monthly", return_url: `${app}/done`, cancel_url: app };
const post = (name: string, body: unknown) => postAs(user, name, body, functions.url);
const open = () => post("create-paypal-subscription", request);

function mine(): PaypalObject {
  const found = [...paypal.subscriptions.values()].find(({ custom_id }) => custom_id === user.id);
  if (!found) throw new Error("no subscription");
  return found;
}

function pay(subscription: PaypalObject, daysAgo: number, changes: object = {}): void {
  Object.assign(subscription, {
    status: "ACTIVE",
    start_time: ago(daysAgo),
    billing_info: {
      last_payment: { time: ago(daysAgo), amount: { value: "9.00" } },
      next_billing_time: ago(daysAgo - 30),
    },
    ...changes,
  });
}

async function deliver(type: string, resource: object) {
  const response = await fetch(paypal.deliver(`${functions.url}/paypal-webhook`, type, resource));
  return { status: response.status, body: await response.json() };
}

async function tell(type: string) {
  // What the event says is a lie that nobody believes.
  return await deliver(type, { ...mine(), status: "EXPIRED", custom_id: randomUUID() });
}

const premium = async () => ((await billingOf(user.id)).premium_until?.getTime() ?? 0) > Date.now();

describe("a subscription", () => {
  it("is approved on one page, however often and fast one clicks", async () => {
    const answers = await Promise.all([open(), open(), open()]);
    const urls = [...answers, await open()].map(({ body }) => body.url);
    expect(new Set(urls)).toEqual(new Set([`https://www.paypal.test/approve/${mine().id}`]));
  });

  it("is incomplete until it is approved, then active and paid", async () => {
    await open();
    expect((await tell("BILLING.SUBSCRIPTION.CREATED")).body.status).toBe("processed");
    expect(await premium()).toBe(false);
    pay(mine(), 0);
    expect((await tell("BILLING.SUBSCRIPTION.ACTIVATED")).body.status).toBe("processed");
    await tell("PAYMENT.SALE.COMPLETED");
    expect(await billingOf(user.id)).toMatchObject({
      credits: 105,
      subscriptions: [{ status: "active", plan_type: "premium_monthly" }],
    });
    expect(await premium()).toBe(true);
    expect((await open()).body.error.code).toBe("active_subscription");
  });

  it("that is cancelled stays until what was paid for ends, and no longer", async () => {
    await open();
    pay(mine(), 10, { status: "CANCELLED", status_update_time: ago(0) });
    await tell("BILLING.SUBSCRIPTION.CANCELLED");
    const [subscription] = (await billingOf(user.id)).subscriptions;
    expect(subscription).toMatchObject({ status: "active" });
    expect(subscription?.cancel_at).toEqual((await billingOf(user.id)).premium_until);
    expect(await premium()).toBe(true);
    pay(mine(), 40, { status: "CANCELLED" });
    await tell("BILLING.SUBSCRIPTION.CANCELLED");
    expect((await billingOf(user.id)).subscriptions).toMatchObject([{ status: "canceled" }]);
    expect(await premium()).toBe(false);
  });

  it("that is suspended has seven days from the start of the unpaid period, whenever it is heard of", async () => {
    await open();
    pay(mine(), 33, { status: "SUSPENDED" });
    await tell("BILLING.SUBSCRIPTION.SUSPENDED");
    const first = await billingOf(user.id);
    expect(first.subscriptions).toMatchObject([{ status: "past_due" }]);
    await tell("BILLING.SUBSCRIPTION.PAYMENT.FAILED");
    expect((await billingOf(user.id)).premium_until).toEqual(first.premium_until);
    expect(await premium()).toBe(true);
    pay(mine(), 39, { status: "SUSPENDED" });
    await tell("BILLING.SUBSCRIPTION.SUSPENDED");
    expect(await premium()).toBe(false);
  });

  it("that expired is over", async () => {
    await open();
    pay(mine(), 5, { status: "EXPIRED" });
    await tell("BILLING.SUBSCRIPTION.EXPIRED");
    expect((await billingOf(user.id)).subscriptions).toMatchObject([{ status: "canceled" }]);
  });

  it("is found by a sync before its event has come", async () => {
    await open();
    pay(mine(), 0);
    expect((await post("sync-subscription", {})).body.account).toMatchObject({ is_premium: true });
  });

  it("is managed at PayPal", async () => {
    await open();
    pay(mine(), 0);
    await post("sync-subscription", {});
    const { body } = await post("create-portal-session", { return_url: app });
    expect(body.url).toBe("https://www.sandbox.paypal.com/myaccount/autopay/");
  });
});

describe("an event", () => {
  it("that PayPal did not send is refused, and nothing is read", async () => {
    await open();
    pay(mine(), 0);
    const url = `${functions.url}/paypal-webhook`;
    const genuine = paypal.deliver(url, "BILLING.SUBSCRIPTION.ACTIVATED", mine());
    const forged = new Request(genuine.clone(), { body: (await genuine.text()).replace(/ /g, "") });
    const bare = new Request(url, { method: "POST", body: "{}" });
    for (const one of [forged, bare]) expect((await fetch(one)).status).toBe(400);
    expect((await billingOf(user.id)).subscriptions).toEqual([]);
  });

  it("cannot bring the question along by which it is verified", async () => {
    const url = `${functions.url}/paypal-webhook`;
    const genuine = paypal.deliver(url, "BILLING.SUBSCRIPTION.ACTIVATED", { id: "I-1" });
    const body = `${await genuine.clone().text()},"webhook_id":"${paypal.webhookId}"`;
    expect((await fetch(new Request(genuine, { body }))).status).toBe(400);
  });

  it("about a subscription that we did not create is ignored", async () => {
    const id = `I-${randomUUID()}`;
    const foreign = { id, status: "ACTIVE", plan_id: paypalPlan, custom_id: "somebody" };
    paypal.subscriptions.set(id, foreign);
    expect((await deliver("BILLING.SUBSCRIPTION.ACTIVATED", foreign)).body.status).toBe("ignored");
    expect((await deliver("BILLING.SUBSCRIPTION.ACTIVATED", { id: "I-none" })).body.status).toBe(
      "ignored",
    );
  });

  it("of another kind is answered 200", async () => {
    const { status, body } = await deliver("CATALOG.PRODUCT.CREATED", { id: "PROD-1" });
    expect([status, body.status]).toEqual([200, "ignored"]);
  });

  it("that comes twice is done once", async () => {
    await open();
    pay(mine(), 0);
    const url = `${functions.url}/paypal-webhook`;
    const id = `WH-${randomUUID()}`;
    const send = () =>
      fetch(paypal.deliver(url, "PAYMENT.SALE.COMPLETED", { billing_agreement_id: mine().id }, id));
    expect(await (await send()).json()).toMatchObject({ status: "processed" });
    expect(await (await send()).json()).toMatchObject({ status: "duplicate" });
    expect((await billingOf(user.id)).credits).toBe(105);
  });
});
