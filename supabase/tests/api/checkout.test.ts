import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { billingOf, newEvent, offerPlans, prices, signedDelivery } from "../support/billing.ts";
import { asOperator } from "../support/clients.ts";
import { newRedeemedCoupon } from "../support/coupons.ts";
import {
  app,
  type KeyedFunctions,
  startKeyedFunctions,
  webhookSecret,
} from "../support/keyed-functions.ts";
import { createMember, type Member, postAs } from "../support/members.ts";
import { completeSession } from "../support/shop.ts";
import { stack } from "../support/stack.ts";
import {
  type StripeObject,
  type StripeStandIn,
  startStripeStandIn,
} from "../support/stripe-stand-in.ts";

/** Checkout, portal and sync over HTTP, with a stand-in for Stripe. */

let stripe: StripeStandIn;
let functions: KeyedFunctions;
let user: Member;

beforeAll(async () => {
  stripe = await startStripeStandIn();
  functions = await startKeyedFunctions({
    STRIPE_SECRET_KEY: "sk_test_checkout",
    STRIPE_API_BASE: stripe.url,
  });
  for (const [name, id] of Object.entries(prices)) {
    const recurring = { interval: name === "yearly" ? "year" : "month", interval_count: 1 };
    stripe.put("price", { id, object: "price", recurring, unit_amount: 900, currency: "usd" });
  }
  await offerPlans();
});

beforeEach(async () => {
  user = await createMember();
});

afterEach(() => stripe.trouble(null));

afterAll(async () => {
  await functions?.stop();
  await stripe?.close();
});

const checkout = { plan_type: "premium_monthly", success_url: `${app}/done`, cancel_url: app };

const post = (name: string, body: unknown, who = user) => postAs(who, name, body, functions.url);
const openCheckout = (changes: object = {}) =>
  post("create-checkout-session", { ...checkout, ...changes });

const sessionsOf = ({ id }: Member) =>
  stripe
    .objects("checkout.session")
    .filter(({ metadata }) => (metadata as Record<string, string>).pinebase_user_id === id);
const customersOf = ({ id }: Member) =>
  stripe
    .objects("customer")
    .filter(({ metadata }) => (metadata as Record<string, string>).pinebase_user_id === id);

function onlySession(who = user): StripeObject {
  const [session] = sessionsOf(who).filter(({ status }) => status === "open");
  if (!session) throw new Error("The user has no open checkout session.");
  return session;
}

/** Pays a session as the user does; gives the subscription. */
async function complete(session: StripeObject, card?: string): Promise<StripeObject> {
  expect(await completeSession(stripe, session, card)).toBe(200);
  const kept = stripe.objects("checkout.session").find(({ id }) => id === session.id);
  const subscription = stripe.objects("subscription").find(({ id }) => id === kept?.subscription);
  if (!subscription) throw new Error("The checkout created no subscription.");
  return subscription;
}

async function deliver(type: string, object: object) {
  const event = newEvent(type, object, Math.floor(Date.now() / 1000));
  const request = signedDelivery(`${functions.url}/stripe-webhook`, event, webhookSecret);
  const response = await fetch(request);
  return { status: response.status, body: await response.json() };
}

const couponOf = (who = user) =>
  asOperator(async (sql) => {
    const [row] = await sql`
      select uc.checkout_session_id as session, uc.applied_at is not null as spent
      from public.user_coupons as uc where uc.user_id = ${who.id}
    `;
    return row;
  });

describe("a checkout", () => {
  it("is one session and one customer for many requests, concurrent or not", async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => openCheckout()));
    const again = await openCheckout();
    expect(new Set([...answers, again].map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set([...answers, again].map(({ body }) => body.url)).size).toBe(1);
    expect(sessionsOf(user)).toHaveLength(1);
    expect(customersOf(user)).toHaveLength(1);
  });

  it("for another plan closes the open one, because two could become two subscriptions", async () => {
    await openCheckout();
    const { status } = await openCheckout({ plan_type: "premium_yearly" });
    expect(status).toBe(200);
    expect(sessionsOf(user).map((session) => session.status)).toEqual(["expired", "open"]);
  });

  it("that is paid prevents another one before its event has arrived", async () => {
    await openCheckout();
    await complete(onlySession());
    const { status, body } = await openCheckout({ plan_type: "premium_yearly" });
    expect(status).toBe(409);
    expect(body.error).toMatchObject({
      code: "active_subscription",
      facts: { portal: "create-portal-session" },
    });
    expect((await billingOf(user.id)).subscriptions).toMatchObject([{ status: "active" }]);
  });

  it("is refused to a subscriber", async () => {
    await openCheckout();
    const session = onlySession();
    await complete(session);
    await deliver("checkout.session.completed", session);
    expect((await openCheckout()).body.error.code).toBe("active_subscription");
  });

  it("is replaced by a new one after it has expired at Stripe", async () => {
    const { body: first } = await openCheckout();
    Object.assign(onlySession(), { status: "expired", url: null });
    const { status, body } = await openCheckout();
    expect(status).toBe(200);
    expect(body.url).not.toBe(first.url);
  });

  it("accepts return URLs of the app's origins alone", async () => {
    for (const success_url of [
      "https://evil.test/done",
      "https://app.pinebase.test.evil.test/",
      "https://app.pinebase.test@evil.test/",
      "javascript:alert(1)",
      `blob:${app}/7b8e6a5e`,
      "data:text/html,hello",
      "/done",
    ]) {
      const { status, body } = await openCheckout({ success_url });
      expect([status, body.error.code]).toEqual([422, "invalid_argument"]);
      expect(body.error.facts).toEqual({ argument: "success_url", variable: "ALLOWED_ORIGINS" });
    }
    expect((await openCheckout({ cancel_url: "https://evil.test" })).status).toBe(422);
    expect(sessionsOf(user)).toEqual([]);
  });

  it("is refused for a plan that is not offered", async () => {
    for (const plan_type of ["free", "premium_weekly"]) {
      const { status, body } = await openCheckout({ plan_type });
      expect([status, body.error.code]).toEqual([422, "invalid_argument"]);
    }
  });

  it("can be repeated after Stripe has failed or its answer was lost, and makes one session", async () => {
    stripe.trouble({ fails: 500 });
    expect((await openCheckout()).status).toBe(502);
    stripe.trouble({ lost: true });
    expect((await openCheckout()).status).toBe(502);
    stripe.trouble(null);
    expect((await openCheckout()).status).toBe(200);
    expect(sessionsOf(user).filter(({ status }) => status === "open")).toHaveLength(1);
    expect(customersOf(user)).toHaveLength(1);
  });

  it("counts towards one limit with the other billing functions: 20 calls in 10 minutes", async () => {
    const answers: Awaited<ReturnType<typeof post>>[] = [];
    for (let call = 0; call < 21; call += 1) {
      answers.push(
        await (call % 2 === 0
          ? post("create-portal-session", { return_url: app })
          : post("sync-subscription", {})),
      );
    }
    expect(answers.slice(0, 20).filter(({ status }) => status === 429)).toEqual([]);
    const last = answers.at(-1);
    expect([last?.status, last?.body.error.code]).toEqual([429, "rate_limited"]);
    expect(Number(last?.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await openCheckout()).status).toBe(429);
  });

  it("needs a signed-in user", async () => {
    const nobody = { token: "none" };
    expect((await postAs(nobody, "create-checkout-session", checkout, functions.url)).status).toBe(
      401,
    );
  });

  it("answers not_configured without the provider's key, as the other billing functions do", async () => {
    const keyless = await startKeyedFunctions({});
    try {
      for (const [name, body] of [
        ["stripe-webhook", {}],
        ["paypal-webhook", {}],
        ["create-checkout-session", checkout],
        ["create-portal-session", { return_url: app }],
        [
          "create-paypal-subscription",
          { plan_type: "premium_monthly", return_url: app, cancel_url: app },
        ],
      ] as const) {
        const answer = await postAs(user, name, body, keyless.url);
        expect([name, answer.status, answer.body.error?.code]).toEqual([
          name,
          503,
          "not_configured",
        ]);
      }
    } finally {
      await keyless.stop();
    }
  });
});

describe("a coupon", () => {
  it("is applied and reserved by a checkout, and spent when that completes", async () => {
    await newRedeemedCoupon(user.id);
    await openCheckout();
    const session = onlySession();
    expect(session.discounts).toEqual([{ coupon: expect.stringMatching(/^pinebase_/) }]);
    expect(await couponOf()).toEqual({ session: session.id, spent: false });
    await complete(session);
    expect((await deliver("checkout.session.completed", session)).body.status).toBe("processed");
    expect(await couponOf()).toEqual({ session: session.id, spent: true });
  });

  it("can be used again when the session expires", async () => {
    await newRedeemedCoupon(user.id);
    await openCheckout();
    const session = onlySession();
    Object.assign(session, { status: "expired" });
    await deliver("checkout.session.expired", session);
    expect(await couponOf()).toEqual({ session: null, spent: false });
  });

  it("that is redeemed while a checkout is open is applied by the next one", async () => {
    await openCheckout();
    await newRedeemedCoupon(user.id);
    await openCheckout();
    expect(onlySession().discounts).toHaveLength(1);
    expect(sessionsOf(user)).toHaveLength(2);
  });

  it("stays reserved while a bank debit is pending, and can be used again when that fails", async () => {
    await newRedeemedCoupon(user.id);
    await openCheckout();
    const session = onlySession();
    Object.assign(session, { status: "complete", payment_status: "unpaid" });
    await deliver("checkout.session.completed", session);
    expect(await couponOf()).toEqual({ session: session.id, spent: false });
    await deliver("checkout.session.async_payment_failed", session);
    expect(await couponOf()).toEqual({ session: null, spent: false });
  });
});

describe("the portal", () => {
  it("is opened at Stripe for the user's own customer", async () => {
    await openCheckout();
    const { status, body } = await post("create-portal-session", { return_url: `${app}/account` });
    expect([status, body.url]).toEqual([200, expect.stringContaining(`${stripe.url}/portal/`)]);
  });

  it("is refused to a user who has never opened a checkout", async () => {
    const { status, body } = await post("create-portal-session", { return_url: app });
    expect([status, body.error.code]).toEqual([404, "billing_account_not_found"]);
  });

  it("accepts return URLs of the app's origins alone", async () => {
    expect((await post("create-portal-session", { return_url: "https://evil.test" })).status).toBe(
      422,
    );
  });
});

describe("a sync", () => {
  it("makes a user premium who has paid, before any webhook has arrived", async () => {
    await newRedeemedCoupon(user.id);
    await openCheckout();
    await complete(onlySession());
    const { status, body } = await post("sync-subscription", {});
    expect(status).toBe(200);
    expect(body.account).toMatchObject({ is_premium: true, credits: 105 });
    expect(await couponOf()).toMatchObject({ spent: true });
  });

  it("does not overwrite an event that was read later, but one that was read earlier", async () => {
    await openCheckout();
    const subscription = await complete(onlySession());
    await post("sync-subscription", {});
    Object.assign(subscription, { status: "canceled", ended_at: Math.floor(Date.now() / 1000) });
    await deliver("customer.subscription.deleted", subscription);
    expect((await billingOf(user.id)).subscriptions).toMatchObject([{ status: "canceled" }]);
    Object.assign(subscription, { status: "active", ended_at: null });
    expect((await post("sync-subscription", {})).body.account.is_premium).toBe(true);
  });

  it("for another user is allowed to the service role alone", async () => {
    await openCheckout();
    await complete(onlySession());
    const stranger = await createMember();
    const { status } = await post("sync-subscription", { user_id: user.id }, stranger);
    expect(status).toBe(400);
    const response = await fetch(`${functions.url}/sync-subscription`, {
      method: "POST",
      headers: { apikey: stack.SECRET_KEY, "content-type": "application/json" },
      body: JSON.stringify({ user_id: user.id }),
    });
    expect((await response.json()).account.is_premium).toBe(true);
  });

  it("answers 502 and changes nothing when Stripe does not answer", async () => {
    await openCheckout();
    await complete(onlySession());
    stripe.trouble({ fails: 500 });
    expect((await post("sync-subscription", {})).status).toBe(502);
    expect((await billingOf(user.id)).subscriptions).toEqual([]);
  });
});

describe("deleting an account", () => {
  const remove = () => post("delete-account", { confirm_email: user.email });

  it("closes the open checkout, so that it cannot be paid any more", async () => {
    await openCheckout();
    expect((await remove()).body).toEqual({ deleted: true });
    expect(sessionsOf(user)).toMatchObject([{ status: "expired" }]);
  });

  it("is refused for a subscription whose webhook has not arrived yet", async () => {
    await openCheckout();
    await complete(onlySession());
    expect((await remove()).body.error.code).toBe("active_subscription");
    expect((await billingOf(user.id)).subscriptions).toHaveLength(1);
  });
});

describe("a webhook event", () => {
  it("that fails is applied by its next delivery, once", async () => {
    await openCheckout();
    const subscription = await complete(onlySession());
    const event = newEvent("customer.subscription.created", subscription, 1_750_000_000);
    const send = () =>
      fetch(signedDelivery(`${functions.url}/stripe-webhook`, event, webhookSecret));
    stripe.trouble({ fails: 500 });
    expect((await send()).status).toBe(502);
    stripe.trouble(null);
    expect(await (await send()).json()).toEqual({ received: true, status: "processed" });
    expect(await (await send()).json()).toEqual({ received: true, status: "duplicate" });
    expect((await billingOf(user.id)).credits).toBe(105);
  });

  it("about a customer of another user is parked, whatever email or client_reference_id it has", async () => {
    await openCheckout();
    const subscription = await complete(onlySession());
    const stranger = await createMember();
    Object.assign(subscription, {
      metadata: { pinebase_user_id: stranger.id },
      customer_email: user.email,
      client_reference_id: user.id,
    });
    const { status, body } = await deliver("customer.subscription.created", subscription);
    expect([status, body.status]).toEqual([200, "parked"]);
    expect((await billingOf(user.id)).subscriptions).toEqual([]);
    expect((await billingOf(stranger.id)).subscriptions).toEqual([]);
  });

  it("about a dispute is linked to the user by the charge, and takes nothing back while the dispute is open", async () => {
    await openCheckout();
    const session = onlySession();
    const { id } = await complete(session);
    await deliver("checkout.session.completed", session);
    const charge = stripe.objects("charge").find(({ customer }) => customer === session.customer);
    const dispute = stripe.dispute(charge?.id ?? "");
    expect((await deliver("charge.dispute.created", dispute)).body.status).toBe("processed");
    expect(await billingOf(user.id)).toMatchObject({
      credits: 105,
      agrees: true,
      subscriptions: [{ id, status: "active" }],
    });
    const [incident] = await asOperator(
      (sql) => sql`
        select i.kind, i.amount::int, i.currency, i.status, i.reason, i.due_at is not null as has_due_date
        from private.payment_incidents as i where i.incident_id = ${dispute.id}
      `,
    );
    expect(incident).toEqual({
      kind: "dispute",
      amount: 900,
      currency: "usd",
      status: "needs_response",
      reason: "fraudulent",
      has_due_date: true,
    });
  });
});
