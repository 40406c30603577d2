import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { billingOf, newEvent, offerPlans, prices, signedDelivery } from "../support/billing.ts";
import { asOperator } from "../support/clients.ts";
import { gather, type Member, postAs } from "../support/crowd.ts";
import { app, startKeyedFunctions, webhookSecret } from "../support/keyed-functions.ts";
import { completeSession } from "../support/shop.ts";
import { stack } from "../support/stack.ts";
import type { StripeObject } from "../support/stripe-stand-in.ts";
import { type StripeStandIn, startStripeStandIn } from "../support/stripe-stand-in.ts";

/** Checkout, portal and sync with a key, against a Stripe of the tests' own. */

let stripe: StripeStandIn;
let functions: Awaited<ReturnType<typeof startKeyedFunctions>>;
let crowd: Member[];
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
  crowd = await gather(30);
});

beforeEach(() => {
  const next = crowd.pop();
  if (!next) throw new Error("gather more");
  user = next;
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
  if (!session) throw new Error("no open session");
  return session;
}

/** The user pays; gives the subscription. */
async function complete(session: StripeObject, card?: string): Promise<StripeObject> {
  expect(await completeSession(stripe, session, card)).toBe(200);
  const kept = stripe.objects("checkout.session").find(({ id }) => id === session.id);
  const subscription = stripe.objects("subscription").find(({ id }) => id === kept?.subscription);
  if (!subscription) throw new Error("no subscription");
  return subscription;
}

async function deliver(type: string, object: object) {
  const event = newEvent(type, object, Math.floor(Date.now() / 1000));
  const request = signedDelivery(`${functions.url}/stripe-webhook`, event, webhookSecret);
  const response = await fetch(request);
  return { status: response.status, body: await response.json() };
}

async function redeem(who = user): Promise<string> {
  const code = `PAY-${randomUUID().slice(0, 13).toUpperCase()}`;
  await asOperator(async (sql) => {
    await sql`insert into public.coupons (code, discount_percent) values (${code}, 30)`;
    await sql`
      insert into public.user_coupons (user_id, coupon_id)
      select ${who.id}, c.id from public.coupons as c where c.code = ${code}
    `;
  });
  return code;
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
  it("is one session and one customer, however often and however fast one clicks", async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => openCheckout()));
    const again = await openCheckout();
    expect(new Set([...answers, again].map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set([...answers, again].map(({ body }) => body.url)).size).toBe(1);
    expect(sessionsOf(user)).toHaveLength(1);
    expect(customersOf(user)).toHaveLength(1);
  });

  it("for another plan closes the one before it: two open ones could make two subscriptions", async () => {
    await openCheckout();
    const { status } = await openCheckout({ plan_type: "premium_yearly" });
    expect(status).toBe(200);
    expect(sessionsOf(user).map((session) => session.status)).toEqual(["expired", "open"]);
  });

  it("that was paid while its event is on the way is found, and not opened again", async () => {
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

  it("is refused to who is subscribed", async () => {
    await openCheckout();
    const session = onlySession();
    await complete(session);
    await deliver("checkout.session.completed", session);
    expect((await openCheckout()).body.error.code).toBe("active_subscription");
  });

  it("is opened anew after it has expired at Stripe", async () => {
    const { body: first } = await openCheckout();
    Object.assign(onlySession(), { status: "expired", url: null });
    const { status, body } = await openCheckout();
    expect(status).toBe(200);
    expect(body.url).not.toBe(first.url);
  });

  it("leads back to pages of the app and nowhere else", async () => {
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

  it("is for a plan that is offered", async () => {
    for (const plan_type of ["free", "premium_weekly"]) {
      const { status, body } = await openCheckout({ plan_type });
      expect([status, body.error.code]).toEqual([422, "invalid_argument"]);
    }
  });

  it("can be tried again after Stripe has refused or lost it, and makes one session", async () => {
    stripe.trouble({ fails: 500 });
    expect((await openCheckout()).status).toBe(502);
    stripe.trouble({ lost: true });
    expect((await openCheckout()).status).toBe(502);
    stripe.trouble(null);
    expect((await openCheckout()).status).toBe(200);
    expect(sessionsOf(user).filter(({ status }) => status === "open")).toHaveLength(1);
    expect(customersOf(user)).toHaveLength(1);
  });

  it("can be asked for 20 times in 10 minutes, by the four functions together", async () => {
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

  it("needs a session of one's own", async () => {
    const nobody = { token: "none" };
    expect((await postAs(nobody, "create-checkout-session", checkout, functions.url)).status).toBe(
      401,
    );
  });

  it("without a key is not configured", async () => {
    // The stack's own functions have neither key nor origins: this one stands for them.
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
  it("is applied and reserved by the checkout, and spent when it completes", async () => {
    await redeem();
    await openCheckout();
    const session = onlySession();
    expect(session.discounts).toEqual([{ coupon: expect.stringMatching(/^pinebase_/) }]);
    expect(await couponOf()).toEqual({ session: session.id, spent: false });
    await complete(session);
    expect((await deliver("checkout.session.completed", session)).body.status).toBe("processed");
    expect(await couponOf()).toEqual({ session: session.id, spent: true });
  });

  it("is free again when the session expires", async () => {
    await redeem();
    await openCheckout();
    const session = onlySession();
    Object.assign(session, { status: "expired" });
    await deliver("checkout.session.expired", session);
    expect(await couponOf()).toEqual({ session: null, spent: false });
  });

  it("that is redeemed while a checkout is open goes into a new one", async () => {
    await openCheckout();
    await redeem();
    await openCheckout();
    expect(onlySession().discounts).toHaveLength(1);
    expect(sessionsOf(user)).toHaveLength(2);
  });

  it("stays reserved while a bank debit is under way, and is free again when it fails", async () => {
    await redeem();
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
  it("is Stripe's, for the user's own customer", async () => {
    await openCheckout();
    const { status, body } = await post("create-portal-session", { return_url: `${app}/account` });
    expect([status, body.url]).toEqual([200, expect.stringContaining(`${stripe.url}/portal/`)]);
  });

  it("is for who has something to manage", async () => {
    const { status, body } = await post("create-portal-session", { return_url: app });
    expect([status, body.error.code]).toEqual([404, "billing_account_not_found"]);
  });

  it("leads back to pages of the app and nowhere else", async () => {
    expect((await post("create-portal-session", { return_url: "https://evil.test" })).status).toBe(
      422,
    );
  });
});

describe("a sync", () => {
  it("makes premium who has paid, though no webhook has come", async () => {
    await redeem();
    await openCheckout();
    await complete(onlySession());
    const { status, body } = await post("sync-subscription", {});
    expect(status).toBe(200);
    expect(body.account).toMatchObject({ is_premium: true, credits: 105 });
    expect(await couponOf()).toMatchObject({ spent: true });
  });

  it("loses to an event that was read later, and wins over one that was read earlier", async () => {
    await openCheckout();
    const subscription = await complete(onlySession());
    await post("sync-subscription", {});
    Object.assign(subscription, { status: "canceled", ended_at: Math.floor(Date.now() / 1000) });
    await deliver("customer.subscription.deleted", subscription);
    expect((await billingOf(user.id)).subscriptions).toMatchObject([{ status: "canceled" }]);
    Object.assign(subscription, { status: "active", ended_at: null });
    expect((await post("sync-subscription", {})).body.account.is_premium).toBe(true);
  });

  it("of another user is for the service role alone", async () => {
    await openCheckout();
    await complete(onlySession());
    const stranger = crowd[0];
    const { status } = await post("sync-subscription", { user_id: user.id }, stranger);
    expect(status).toBe(400);
    const response = await fetch(`${functions.url}/sync-subscription`, {
      method: "POST",
      headers: { apikey: stack.SECRET_KEY, "content-type": "application/json" },
      body: JSON.stringify({ user_id: user.id }),
    });
    expect((await response.json()).account.is_premium).toBe(true);
  });

  it("says so when Stripe does not answer, and changes nothing", async () => {
    await openCheckout();
    await complete(onlySession());
    stripe.trouble({ fails: 500 });
    expect((await post("sync-subscription", {})).status).toBe(502);
    expect((await billingOf(user.id)).subscriptions).toEqual([]);
  });
});

describe("deleting an account", () => {
  const remove = () => post("delete-account", { confirm_email: user.email });

  it("closes the open checkout, which nobody can pay any more", async () => {
    await openCheckout();
    expect((await remove()).body).toEqual({ deleted: true });
    expect(sessionsOf(user)).toMatchObject([{ status: "expired" }]);
  });

  it("is refused for a subscription that no webhook has told of", async () => {
    await openCheckout();
    await complete(onlySession());
    expect((await remove()).body.error.code).toBe("active_subscription");
    expect((await billingOf(user.id)).subscriptions).toHaveLength(1);
  });
});

describe("an event", () => {
  it("that fails is finished by the next delivery of the same", async () => {
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

  it("about a customer that names another user parks: an email or a client_reference_id decide nothing", async () => {
    await openCheckout();
    const subscription = await complete(onlySession());
    const stranger = crowd[0];
    Object.assign(subscription, {
      metadata: { pinebase_user_id: stranger?.id },
      customer_email: user.email,
      client_reference_id: user.id,
    });
    const { status, body } = await deliver("customer.subscription.created", subscription);
    expect([status, body.status]).toEqual([200, "parked"]);
    expect((await billingOf(user.id)).subscriptions).toEqual([]);
    expect((await billingOf(stranger?.id ?? "")).subscriptions).toEqual([]);
  });

  it("of a dispute is linked to its user by the charge, and takes nothing while it is open", async () => {
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
