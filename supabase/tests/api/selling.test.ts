import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { asOperator, visitor } from "../support/clients.ts";
import { newRedeemedCoupon } from "../support/coupons.ts";
import { app } from "../support/keyed-functions.ts";
import { createMember, type Member } from "../support/members.ts";
import { completeSession, opening, openShop, type Shop } from "../support/shop.ts";
import { stack } from "../support/stack.ts";

/** Packs, prices and the options of a checkout, by the functions that an app calls. */

const packType = `pack_${randomUUID().slice(0, 8)}`;
const pages = { success_url: app, cancel_url: app };

let shop: Shop;
let member: Member;

beforeAll(async () => {
  shop = await openShop("here");
  const product = await shop.api.products.create({ name: "Pack" });
  const pack = await shop.api.prices.create({
    product: product.id,
    currency: "usd",
    unit_amount: 500,
  });
  const euro = await shop.api.prices.create({
    product: product.id,
    currency: "eur",
    unit_amount: 450,
  });
  await asOperator(async (sql) => {
    await sql`insert into public.credit_packs (pack_type, name, credits) values (${packType}, 'Pack', 100)`;
    await sql`
      insert into public.prices (provider, provider_price_id, pack_type, currency, unit_amount)
      values ('stripe', ${pack.id}, ${packType}, 'usd', 500), ('stripe', ${euro.id}, ${packType}, 'eur', 450)
    `;
  });
});
afterAll(() => shop?.close());
beforeEach(async () => {
  member = await createMember();
  shop.loseEvents();
});

const open = (body: object, at = shop, who = member) =>
  at.post(who, "create-checkout-session", { ...pages, ...body });

/** The session that a checkout opened. */
async function sessionOf(body: object, at = shop) {
  const { status, body: answer } = await open(body, at);
  const session = at.stripe.objects("checkout.session").find(({ url }) => url === answer.url);
  if (status !== 200 || !session)
    throw new Error(`no checkout was opened: ${JSON.stringify(answer)}`);
  return session;
}

/** Buys a pack on Stripe's page; gives the ids of its payment. */
async function buy(payment = "pm_card_visa") {
  const session = await sessionOf({ pack_type: packType });
  expect(await completeSession(shop.stripe, session, payment)).toBe(200);
  const charge = shop.stripe
    .objects("charge")
    .find(({ payment_intent }) => payment_intent === session.payment_intent);
  return { intent: String(session.payment_intent), charge: String(charge?.id) };
}

/** The balance, the ledger's sums of purchases and reversals, and the payments. */
const endState = () =>
  asOperator(async (sql) => {
    const [row] = await sql`
      select
        u.credits,
        coalesce(sum(t.delta) filter (where t.kind = 'purchase'), 0)::int as bought,
        coalesce(sum(t.delta) filter (where t.kind = 'reversal'), 0)::int as taken_back,
        (select jsonb_agg(jsonb_build_array(p.amount, p.refunded, p.reversed_credits, p.missing_credits)) from private.payments as p where p.user_id = u.id) as payments
      from public.users as u join public.credit_transactions as t on t.user_id = u.id
      where u.id = ${member.id} group by u.id
    `;
    return row;
  });

const attention = (kind: string) =>
  asOperator(
    (sql) =>
      sql`select a.reason from private.attention(now(), '-infinity', '', 100000) as a where a.kind = ${kind} and a.user_id = ${member.id}`,
  );

describe("a pack", () => {
  it("grants its credits once, however often its events are delivered", async () => {
    await buy();
    const events = shop.pending.splice(0);
    expect(new Set(await shop.deliver(events))).toEqual(new Set(["processed"]));
    expect(new Set(await shop.deliver(events))).toEqual(new Set(["duplicate"]));
    await shop.post(member, "sync-subscription", {});
    expect(await endState()).toEqual({
      ...{ credits: opening + 100, bought: 100, taken_back: 0 },
      payments: [[500, 0, 0, 0]],
    });
  });

  it("that is paid by bank debit grants its credits when the debit succeeds, and none when it fails", async () => {
    const debit = async (iban: string) => {
      const { id } = await shop.api.paymentMethods.create({
        type: "sepa_debit",
        sepa_debit: { iban },
        billing_details: { name: "Ada", email: member.email },
      });
      await buy(id);
    };
    await debit("AT861904300235473202");
    await shop.deliver();
    expect(await endState()).toMatchObject({ credits: opening, bought: 0 });
    await debit("AT611904300234573201");
    const late = shop.pending.splice(0);
    expect(late.map(({ type }) => type)).toContain("checkout.session.async_payment_succeeded");
    await shop.deliver(late.reverse());
    expect(await endState()).toMatchObject({ credits: opening + 100, bought: 100 });
  });

  it.each([
    ["at once", "at once"],
    ["late, in order", "late"],
    ["in reverse order", "backwards"],
    ["with the dispute before the refund and the purchase last", "mixed"],
  ])(
    "that is half refunded, disputed and lost has the same end state when its events arrive %s",
    async (_, order) => {
      const { intent, charge } = await buy();
      if (order === "at once") await shop.deliver();
      await shop.api.refunds.create({ payment_intent: intent, amount: 250 });
      if (order === "at once") await shop.deliver();
      const dispute = shop.stripe.dispute(charge);
      if (order === "at once") await shop.deliver();
      await shop.api.disputes.close(dispute.id);
      const events = shop.pending.splice(0);
      if (order === "backwards") events.reverse();
      if (order === "mixed") {
        const rank = (type: string) =>
          ["charge.dispute.closed", "charge.dispute.created", "charge.refunded"].indexOf(type);
        events.sort((one, other) => ((rank(one.type) + 9) % 9) - ((rank(other.type) + 9) % 9));
      }
      expect(new Set(await shop.deliver(events))).toEqual(new Set(["processed"]));
      expect(await endState()).toEqual({
        ...{ credits: opening, bought: 100, taken_back: -100 },
        payments: [[500, 500, 100, 0]],
      });
      expect(await attention("dispute")).toHaveLength(1);
      expect(await attention("credits_not_taken")).toEqual([]);
    },
  );

  it("whose credits were spent is taken back down to a balance of 0, and the shortfall needs attention", async () => {
    const { intent } = await buy();
    await shop.deliver();
    await asOperator((sql) => sql`select public.charge_credits(${member.id}, 80, 'spent')`);
    await shop.api.refunds.create({ payment_intent: intent, amount: 250 });
    await shop.deliver();
    await shop.api.refunds.create({ payment_intent: intent, amount: 250 });
    await shop.deliver();
    expect(await endState()).toEqual({
      ...{ credits: 0, bought: 100, taken_back: -25 },
      payments: [[500, 500, 100, 75]],
    });
    expect(await attention("credits_not_taken")).toMatchObject([
      { reason: expect.stringContaining("75 of 100 credits") },
    ]);
  });

  it("can be bought during a subscription, but not named together with a plan", async () => {
    await shop.subscribe(member, "basic_monthly");
    await shop.deliver();
    expect((await open({ pack_type: packType })).status).toBe(200);
    for (const body of [{}, { pack_type: packType, plan_type: shop.planType("basic_monthly") }]) {
      expect((await open(body)).body.error.code).toBe("invalid_argument");
    }
    expect((await open({ pack_type: "pack_of_nobody" })).body.error.code).toBe("invalid_argument");
  });
});

describe("a price", () => {
  it("can be read by a visitor with its plan or pack, but without the provider's id", async () => {
    const { data } = await visitor()
      .from("prices")
      .select("provider, currency, unit_amount, interval, credit_packs (name, credits)")
      .eq("pack_type", packType)
      .order("unit_amount")
      .throwOnError();
    const credit_packs = { name: "Pack", credits: 100 };
    expect(data).toEqual([
      { provider: "stripe", currency: "eur", unit_amount: 450, interval: null, credit_packs },
      { provider: "stripe", currency: "usd", unit_amount: 500, interval: null, credit_packs },
    ]);
    const response = await fetch(`${stack.API_URL}/rest/v1/prices?select=provider_price_id`, {
      headers: { apikey: stack.PUBLISHABLE_KEY },
    });
    expect(response.ok).toBe(false);
    expect(await response.text()).not.toContain("price_");
  });

  it("is charged in the currency that the buyer chose, on a page in their language", async () => {
    expect(await sessionOf({ pack_type: packType })).toMatchObject({
      ...{ currency: "usd", amount_total: 500, locale: null },
    });
    expect(await sessionOf({ pack_type: packType, currency: "EUR", locale: "de" })).toMatchObject({
      currency: "eur",
      amount_total: 450,
      locale: "de",
    });
    const { status, body } = await open({ pack_type: packType, currency: "chf" });
    expect([status, body.error.code]).toEqual([404, "price_not_found"]);
    expect(body.error.facts.currencies).toEqual(["eur", "usd"]);
  });
});

describe("a checkout", () => {
  const optionsOf = ({
    automatic_tax,
    tax_id_collection,
    ...session
  }: Record<string, unknown>) => ({
    tax: (automatic_tax as { enabled: boolean }).enabled,
    taxIds: (tax_id_collection as { enabled: boolean }).enabled,
    codes: session.allow_promotion_codes,
    address: session.billing_address_collection,
  });

  it("asks for tax, tax ids, an address and promotion codes only if the operator has switched them on", async () => {
    const plan = { plan_type: shop.planType("basic_monthly") };
    expect(optionsOf(await sessionOf(plan))).toEqual({
      ...{ tax: false, taxIds: false, codes: null, address: null },
    });
    const strict = await openShop("here", {
      CHECKOUT_AUTOMATIC_TAX: "true",
      CHECKOUT_TAX_IDS: "true",
      CHECKOUT_PROMOTION_CODES: "true",
      CHECKOUT_BILLING_ADDRESS: "required",
    });
    try {
      member = await createMember();
      const session = await sessionOf({ plan_type: strict.planType("basic_monthly") }, strict);
      expect(optionsOf(session)).toEqual({
        ...{ tax: true, taxIds: true, codes: true, address: "required" },
      });
    } finally {
      await strict.close();
    }
  });

  it("refuses an invalid setting and names its variable", async () => {
    await expect(openShop("here", { CHECKOUT_TAX_IDS: "yes" })).rejects.toThrow("CHECKOUT_TAX_IDS");
  });

  it("begins with the plan's trial only once for a person, even after they delete their account", async () => {
    const plan = { plan_type: shop.planType("pro_monthly") };
    await asOperator(
      (sql) => sql`update public.plans set trial_days = 14 where plan_type = ${plan.plan_type}`,
    );
    expect(await sessionOf(plan)).toMatchObject({ trial_period_days: 14 });
    const id = await shop.subscribe(member, "pro_monthly");
    await shop.deliver();
    expect(await endState()).toMatchObject({ credits: opening });
    await shop.api.subscriptions.cancel(id);
    await shop.deliver();
    expect(await sessionOf(plan)).toMatchObject({ trial_period_days: null });
    // The user is deleted, and signs up again with the same email.
    await asOperator(async (sql) => {
      await sql`delete from auth.users where id = ${member.id}`;
      await sql`
        insert into auth.users (id, aud, role, email, email_confirmed_at)
        values (gen_random_uuid(), 'authenticated', 'authenticated', ${member.email}, now())
      `;
      const [row] = await sql<{ trial_days: number }[]>`
        select (public.begin_checkout(u.id, 'stripe', 'again', ${plan.plan_type}) ->> 'trial_days')::int as trial_days
        from public.users as u where u.email = ${member.email}
      `;
      expect(row?.trial_days).toBe(0);
    });
  });

  it("at PayPal is refused if a redeemed coupon would be lost, unless that is confirmed", async () => {
    const code = await newRedeemedCoupon(member.id);
    const openAtPaypal = (more: object) =>
      shop.post(member, "create-paypal-subscription", {
        plan_type: shop.planType("basic_monthly"),
        return_url: app,
        cancel_url: app,
        ...more,
      });
    const { status, body } = await openAtPaypal({});
    expect([status, body.error.facts]).toEqual([422, { argument: "ignore_coupon", coupon: code }]);
    expect((await openAtPaypal({ ignore_coupon: true })).status).toBe(200);
  });
});

describe("the provider's customer", () => {
  const customer = () =>
    shop.stripe
      .objects("customer")
      .find(
        ({ metadata }) =>
          (metadata as { pinebase_user_id?: string }).pinebase_user_id === member.id,
      );
  const changeEmail = async () => {
    const email = `new-${randomUUID()}@tests.pinebase.test`;
    await asOperator((sql) => sql`update auth.users set email = ${email} where id = ${member.id}`);
    return email;
  };

  it("gets an account's new email with the next checkout or sync", async () => {
    await sessionOf({ pack_type: packType });
    let email = await changeEmail();
    expect(customer()?.email).toBe(member.email);
    await sessionOf({ pack_type: packType, currency: "eur" });
    expect(customer()?.email).toBe(email);
    email = await changeEmail();
    await shop.post(member, "sync-subscription", {});
    expect(customer()?.email).toBe(email);
  });

  it("has its recurring discount in the terms from which revenue is computed", async () => {
    const id = await shop.subscribe(member, "basic_yearly");
    const subscription = shop.stripe.objects("subscription").find((one) => one.id === id);
    const terms = () =>
      asOperator(
        (sql) => sql`
          select t.discount_percent::float8 as percent, t.discount_amount::int as amount
          from private.subscription_terms as t join public.subscriptions as s on s.id = t.subscription_id
          where s.provider_subscription_id = ${id}
        `,
      );
    const have = async (...coupons_of_next: object[]) => {
      Object.assign(subscription ?? {}, { coupons_of_next });
      await shop.post(member, "sync-subscription", {});
      return await terms();
    };
    const once = { id: "once", duration: "once", percent_off: 50, amount_off: null };
    const half = { id: "half", duration: "forever", percent_off: 50, amount_off: null };
    const fixed = { id: "fixed", duration: "repeating", percent_off: null, amount_off: 600 };
    expect(await have(once)).toEqual([{ percent: 0, amount: 0 }]);
    expect(await have(half)).toEqual([{ percent: 50, amount: 0 }]);
    expect(await have(half, half, fixed)).toEqual([{ percent: 75, amount: 600 }]);
    expect(await have()).toEqual([{ percent: 0, amount: 0 }]);
  });
});
