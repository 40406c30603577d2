import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { billingOf, offerPlans, paypalPlan } from "../support/billing.ts";
import { asOperator } from "../support/clients.ts";
import { app, type KeyedFunctions, startKeyedFunctions } from "../support/keyed-functions.ts";
import { createMember, type Member, postAs } from "../support/members.ts";
import { type PaypalFake, startPaypalFake } from "../support/paypal-fake.ts";

/** Subscriptions and webhooks of PayPal over HTTP, with a stand-in for PayPal. */

let paypal: PaypalFake;
let functions: KeyedFunctions;
let user: Member;

const day = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * day);

beforeAll(async () => {
  paypal = await startPaypalFake();
  paypal.addPlan({ id: paypalPlan, price: "9.00", unit: "MONTH" });
  functions = await startKeyedFunctions({
    PAYPAL_CLIENT_ID: "paypal-id",
    PAYPAL_CLIENT_SECRET: "paypal-secret",
    PAYPAL_WEBHOOK_ID: paypal.webhookId,
    PAYPAL_API_BASE: paypal.url,
  });
  await offerPlans();
});

beforeEach(async () => {
  user = await createMember();
});

afterEach(() => {
  paypal.setTime(new Date());
  paypal.trouble(null);
});

afterAll(async () => {
  await functions?.stop();
  await paypal?.close();
});

const request = { plan_type: "premium_monthly", return_url: `${app}/done`, cancel_url: app };
const post = (name: string, body: unknown) => postAs(user, name, body, functions.url);
const open = () => post("create-paypal-subscription", request);
const sync = () => post("sync-subscription", {});

function ownSubscription() {
  const found = [...paypal.subscriptions.values()].filter(({ custom_id }) => custom_id === user.id);
  const last = found.at(-1);
  if (!last) throw new Error("The user has no subscription at PayPal.");
  return last;
}

/** Opens, approves and pays a subscription some days ago; gives its id. */
async function subscribe(daysAgo = 0): Promise<string> {
  paypal.setTime(ago(daysAgo));
  expect((await open()).status).toBe(200);
  const { id } = ownSubscription();
  paypal.approve(id);
  expect((await sync()).status).toBe(200);
  paypal.setTime(new Date());
  return id;
}

async function deliver(type: string, resource: object) {
  const response = await fetch(paypal.deliver(`${functions.url}/paypal-webhook`, type, resource));
  return { status: response.status, body: await response.json() };
}

/** Delivers an event about the user's subscription, with wrong contents: only its id may be used. */
async function notify(type: string) {
  return await deliver(type, { ...ownSubscription(), status: "EXPIRED", custom_id: randomUUID() });
}

const premium = async () => ((await billingOf(user.id)).premium_until?.getTime() ?? 0) > Date.now();

describe("a subscription", () => {
  it("has one page for its approval, however many requests ask for one", async () => {
    const answers = await Promise.all([open(), open(), open()]);
    const urls = [...answers, await open()].map(({ body }) => body.url);
    expect(new Set(urls)).toEqual(
      new Set([`https://www.paypal.test/approve/${ownSubscription().id}`]),
    );
  });

  it("entitles only after its approval, when a sync activates it", async () => {
    await open();
    expect((await notify("BILLING.SUBSCRIPTION.CREATED")).body.status).toBe("processed");
    expect(await premium()).toBe(false);
    paypal.approve(ownSubscription().id);
    expect(ownSubscription().status).toBe("APPROVED");
    expect((await sync()).body).toMatchObject({ account: { is_premium: true }, parked: [] });
    expect(ownSubscription().status).toBe("ACTIVE");
    expect((await notify("BILLING.SUBSCRIPTION.ACTIVATED")).body.status).toBe("processed");
    expect(await billingOf(user.id)).toMatchObject({
      credits: 105,
      subscriptions: [{ status: "active", plan_type: "premium_monthly" }],
    });
    expect((await open()).body.error.code).toBe("active_subscription");
  });

  it("is renewed by each payment, from the day of the payment on", async () => {
    const id = await subscribe(40);
    paypal.setTime(ago(9));
    const sale = paypal.charge(id);
    paypal.setTime(new Date());
    expect((await deliver("PAYMENT.SALE.COMPLETED", { ...sale })).body.status).toBe("processed");
    const state = await billingOf(user.id);
    expect(state).toMatchObject({ credits: 205, agrees: true });
    const end = state.subscriptions[0]?.current_period_end?.getTime() ?? 0;
    expect(end - ago(9).getTime()).toBeGreaterThan(27 * day);
    expect(end - ago(9).getTime()).toBeLessThan(32 * day);
  });

  it("that is cancelled stays active until the end of the paid period", async () => {
    await subscribe(10);
    Object.assign(ownSubscription(), {
      status: "CANCELLED",
      status_update_time: new Date().toISOString(),
    });
    await notify("BILLING.SUBSCRIPTION.CANCELLED");
    const [subscription] = (await billingOf(user.id)).subscriptions;
    expect(subscription).toMatchObject({ status: "active" });
    expect(subscription?.cancel_at).toEqual((await billingOf(user.id)).premium_until);
    expect(await premium()).toBe(true);
  });

  it("that was cancelled and whose paid period is over has ended", async () => {
    await subscribe(40);
    Object.assign(ownSubscription(), { status: "CANCELLED" });
    await notify("BILLING.SUBSCRIPTION.CANCELLED");
    expect((await billingOf(user.id)).subscriptions).toMatchObject([{ status: "canceled" }]);
    expect(await premium()).toBe(false);
  });

  it("that is suspended keeps premium for seven days from the start of the unpaid period, whenever the event arrives", async () => {
    const id = await subscribe(34);
    paypal.fail(id, true);
    await notify("BILLING.SUBSCRIPTION.SUSPENDED");
    const first = await billingOf(user.id);
    expect(first.subscriptions).toMatchObject([{ status: "past_due" }]);
    await notify("BILLING.SUBSCRIPTION.PAYMENT.FAILED");
    expect((await billingOf(user.id)).premium_until).toEqual(first.premium_until);
    expect(await premium()).toBe(true);
  });

  it("that is suspended for longer does not entitle, until it is paid", async () => {
    const id = await subscribe(45);
    paypal.fail(id, true);
    await notify("BILLING.SUBSCRIPTION.SUSPENDED");
    expect(await premium()).toBe(false);
    const sale = paypal.charge(id);
    await deliver("PAYMENT.SALE.COMPLETED", { ...sale });
    expect(await premium()).toBe(true);
    expect((await billingOf(user.id)).credits).toBe(205);
  });

  it("that has expired has ended", async () => {
    const id = await subscribe(5);
    paypal.expire(id);
    await notify("BILLING.SUBSCRIPTION.EXPIRED");
    expect((await billingOf(user.id)).subscriptions).toMatchObject([{ status: "canceled" }]);
  });

  it("is managed at PayPal", async () => {
    await subscribe();
    const { body } = await post("create-portal-session", { return_url: app });
    expect(body.url).toBe("https://www.sandbox.paypal.com/myaccount/autopay/");
  });
});

describe("a dispute", () => {
  it("is recorded with its amount and due date, and ends the subscription when it is lost", async () => {
    const id = await subscribe(3);
    const sale = [...paypal.sales.values()].find((one) => one.billing_agreement_id === id);
    const dispute = paypal.dispute(sale?.id ?? "");
    expect((await deliver("CUSTOMER.DISPUTE.CREATED", dispute)).body.status).toBe("processed");
    expect(await premium()).toBe(true);
    const [incident] = await asOperator(
      (sql) => sql`
        select i.amount::int, i.currency, i.reason, i.due_at is not null as has_due_date
        from private.payment_incidents as i where i.incident_id = ${dispute.dispute_id}
      `,
    );
    const due = { currency: "usd", reason: "UNAUTHORISED", has_due_date: true };
    expect(incident).toEqual({ amount: 900, ...due });
    const outcome = { outcome_code: "RESOLVED_BUYER_FAVOUR" };
    Object.assign(dispute, { status: "RESOLVED", dispute_outcome: outcome });
    await deliver("CUSTOMER.DISPUTE.RESOLVED", dispute);
    expect(await premium()).toBe(false);
  });
});

describe("a webhook event", () => {
  it("that PayPal did not send is refused", async () => {
    await open();
    const url = `${functions.url}/paypal-webhook`;
    const genuine = paypal.deliver(url, "BILLING.SUBSCRIPTION.ACTIVATED", ownSubscription());
    const forged = new Request(genuine.clone(), { body: (await genuine.text()).replace(/ /g, "") });
    const bare = new Request(url, { method: "POST", body: "{}" });
    for (const one of [forged, bare]) expect((await fetch(one)).status).toBe(400);
    expect((await billingOf(user.id)).subscriptions).toEqual([]);
  });

  it("cannot inject a webhook_id into the request that verifies it", async () => {
    const url = `${functions.url}/paypal-webhook`;
    const genuine = paypal.deliver(url, "BILLING.SUBSCRIPTION.ACTIVATED", { id: "I-1" });
    const body = `${await genuine.clone().text()},"webhook_id":"${paypal.webhookId}"`;
    expect((await fetch(new Request(genuine, { body }))).status).toBe(400);
  });

  it("about a subscription that we did not create does not make its user premium", async () => {
    const foreign = paypal.create({
      plan_id: paypalPlan,
      custom_id: user.id,
      application_context: { return_url: app, cancel_url: app },
    });
    paypal.approve(foreign.id);
    expect((await deliver("BILLING.SUBSCRIPTION.ACTIVATED", foreign)).body.status).toBe("ignored");
    expect(await premium()).toBe(false);
  });

  it("of a type that is not used is answered 200", async () => {
    const { status, body } = await deliver("CATALOG.PRODUCT.CREATED", { id: "PROD-1" });
    expect([status, body.status]).toEqual([200, "ignored"]);
  });

  it("that is delivered twice is applied once", async () => {
    const id = await subscribe();
    const [sale] = [...paypal.sales.values()].filter((one) => one.billing_agreement_id === id);
    const url = `${functions.url}/paypal-webhook`;
    const event = `WH-${randomUUID()}`;
    const send = () =>
      fetch(paypal.deliver(url, "PAYMENT.SALE.COMPLETED", { id: sale?.id }, event));
    expect(await (await send()).json()).toMatchObject({ status: "processed" });
    expect(await (await send()).json()).toMatchObject({ status: "duplicate" });
    expect((await billingOf(user.id)).credits).toBe(105);
  });

  it("is answered 502 while PayPal fails, and applied by its next delivery", async () => {
    await open();
    const url = `${functions.url}/paypal-webhook`;
    const id = `WH-${randomUUID()}`;
    const send = () =>
      fetch(paypal.deliver(url, "BILLING.SUBSCRIPTION.CREATED", ownSubscription(), id));
    paypal.trouble(500);
    expect((await send()).status).toBe(502);
    paypal.trouble(null);
    expect(await (await send()).json()).toMatchObject({ status: "processed" });
  });

  it("that is forged is verified at PayPal at most 60 times a minute; genuine ones do not count", async () => {
    await open();
    const url = `${functions.url}/paypal-webhook`;
    const headers = {
      "paypal-auth-algo": "SHA256withRSA",
      "paypal-cert-url": "https://api.paypal.com/cert",
      "paypal-transmission-id": "none",
      "paypal-transmission-sig": "none",
      "paypal-transmission-time": new Date().toISOString(),
    };
    // 58 forged events have been verified within the last minute.
    await asOperator(
      (sql) => sql`
        insert into private.attempts as a (user_id, bucket, attempted_at, expires_at)
        values (
          '00000000-0000-0000-0000-000000000000', 'paypal_ask',
          array(select now() from generate_series(1, 58)), now() + interval '1 minute'
        )
        on conflict (user_id, bucket) do update
          set attempted_at = excluded.attempted_at, expires_at = excluded.expires_at
      `,
    );
    expect((await notify("BILLING.SUBSCRIPTION.CREATED")).status).toBe(200);
    const forge = () => fetch(url, { method: "POST", headers, body: "{}" });
    const verifications = () => paypal.requests.filter((path) => path.includes("verify")).length;
    const before = verifications();
    const answers = await Promise.all(Array.from({ length: 5 }, forge));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(3);
    expect(Number(refused[0]?.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(verifications() - before).toBeLessThanOrEqual(2);
    await asOperator((sql) => sql`delete from private.attempts where bucket = 'paypal_ask'`);
  });
});
