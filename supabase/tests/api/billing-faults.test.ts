import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { billingOf } from "../support/billing.ts";
import { asOperator } from "../support/clients.ts";
import { gather, type Member } from "../support/crowd.ts";
import { app } from "../support/keyed-functions.ts";
import { runNodeProgram } from "../support/programs.ts";
import { reconciling } from "../support/reconcile-lock.ts";
import { opening, openShop, type Shop, sold } from "../support/shop.ts";
import { stack } from "../support/stack.ts";

/** Each fault that years of billing have: played at the providers, and heard of as the providers tell it. */

let shop: Shop;
let crowd: Member[];
let user: Member;

const day = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * day);
const { basic_monthly: basic, pro_monthly: pro } = sold;

beforeAll(async () => {
  shop = await openShop();
  crowd = await gather(40);
});

beforeEach(() => {
  const next = crowd.pop();
  if (!next) throw new Error("gather more");
  user = next;
});

afterEach(() => {
  shop.stripe.setTime(new Date());
  shop.paypal.setTime(new Date());
  shop.stripe.afterRetries("canceled");
  shop.lose();
});

afterAll(() => shop?.close());

const state = (who = user) => billingOf(who.id);
const credits = async (who = user) => (await state(who)).credits - opening;
const premium = async (who = user) =>
  ((await state(who)).premium_until?.getTime() ?? 0) > Date.now();
const sync = (who = user) => shop.post(who, "sync-subscription", {});
const sweep = () => asOperator((sql) => sql`select public.sweep()`);

/** The time at both providers. */
function at(time: Date): void {
  shop.stripe.setTime(time);
  shop.paypal.setTime(time);
}

async function move(subscription: string, plan: keyof typeof sold, behavior = "always_invoice") {
  const { items } = await shop.api.subscriptions.retrieve(subscription);
  await shop.api.subscriptions.update(subscription, {
    items: [{ id: items.data[0]?.id ?? "", price: shop.price[plan] }],
    proration_behavior: behavior as "always_invoice",
  });
}

async function payWith(subscription: string, card: string) {
  const { customer } = await shop.api.subscriptions.retrieve(subscription);
  const method = await shop.api.paymentMethods.attach(card, { customer: String(customer) });
  await shop.api.subscriptions.update(subscription, { default_payment_method: method.id });
}

const chargesOf = async (subscription: string) => {
  const { customer } = await shop.api.subscriptions.retrieve(subscription);
  const { data } = await shop.api.charges.list({ customer: String(customer), limit: 100 });
  return data;
};

/** Periods of a month that have begun by now. */
function monthsSince(start: Date): number {
  const anchor = start.getUTCDate();
  let months = 0;
  for (;;) {
    const month = new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + months + 1, 0));
    const begins = new Date(start);
    begins.setUTCFullYear(month.getUTCFullYear(), month.getUTCMonth(), 1);
    begins.setUTCDate(Math.min(anchor, month.getUTCDate()));
    if (begins.getTime() > Date.now()) return months;
    months += 1;
  }
}

describe("prices", () => {
  it("a price that is raised changes nothing for who pays the old one: renewal, premium and credits go on", async () => {
    at(ago(40));
    await shop.subscribe(user, "basic_monthly");
    await shop.deliver();
    await shop.raisePrice("basic_monthly", 1_200);
    shop.stripe.advance(new Date());
    expect(await shop.deliver()).not.toContain("parked");
    expect(await credits()).toBe(2 * basic.credits);
    expect(await premium()).toBe(true);
    // Who comes now pays the new one.
    const late = crowd.pop() as Member;
    await shop.subscribe(late, "basic_monthly");
    const [invoice] = shop.stripe.objects("invoice").slice(-1);
    expect(invoice?.amount_paid).toBe(1_200);
  });
});

describe("a change of plan", () => {
  it("within a year to more credits gives the difference for the running month, and each month after it in full", async () => {
    at(ago(70));
    const id = await shop.subscribe(user, "basic_yearly");
    await shop.deliver();
    await sweep();
    expect(await credits()).toBe(3 * basic.credits);
    at(ago(0));
    await move(id, "pro_yearly");
    await shop.deliver();
    expect(await credits()).toBe(2 * basic.credits + pro.credits);
    expect(await premium()).toBe(true);
  });

  it("within a year to fewer credits takes nothing, and counts from the next month on", async () => {
    at(ago(70));
    const id = await shop.subscribe(user, "pro_yearly");
    at(ago(65));
    await move(id, "basic_yearly");
    shop.stripe.advance(new Date());
    await shop.deliver();
    await sweep();
    expect(await credits()).toBe(pro.credits + 2 * basic.credits);
  });

  it("from months to a year on the 26th day begins a paid period, with credits at once", async () => {
    at(ago(26));
    const id = await shop.subscribe(user, "basic_monthly");
    await shop.deliver();
    at(ago(0));
    await move(id, "basic_yearly");
    await shop.deliver();
    expect(await credits()).toBe(2 * basic.credits);
    const [row] = (await state()).subscriptions;
    expect(row?.current_period_end?.getTime()).toBeGreaterThan(Date.now() + 360 * day);
  });

  it("that nobody heard of is told by its invoice: the month it happened in grants what it would have", async () => {
    at(ago(70));
    const id = await shop.subscribe(user, "basic_yearly");
    await shop.deliver();
    at(ago(65));
    await move(id, "pro_yearly");
    shop.stripe.setTime(new Date());
    shop.lose();
    await sync();
    await sweep();
    expect(await credits()).toBe(3 * pro.credits);
  });
});

describe("months", () => {
  it("begun on the 31st are one for each paid period, and never two in one", async () => {
    // The last 31st that lies at least three months back.
    const start = new Date(Date.now() - 95 * day);
    while (start.getUTCDate() !== 31) start.setUTCDate(start.getUTCDate() - 1);
    at(start);
    await shop.subscribe(user, "basic_monthly");
    shop.stripe.advance(new Date());
    await shop.deliver();
    await sweep();
    expect(await credits()).toBe(monthsSince(start) * basic.credits);
  });

  it("of an unpaid subscription grant nothing", async () => {
    shop.stripe.afterRetries("unpaid");
    at(ago(200));
    const id = await shop.subscribe(user, "basic_monthly");
    await payWith(id, "pm_card_chargeCustomerFail");
    shop.stripe.advance(new Date());
    await shop.deliver();
    await sweep();
    expect((await state()).subscriptions).toMatchObject([{ status: "unpaid" }]);
    expect(await credits()).toBe(basic.credits);
    expect(await premium()).toBe(false);
  });
});

describe("a payment", () => {
  it("of a proration that fails takes nothing of a year that was paid for", async () => {
    at(ago(60));
    const id = await shop.subscribe(user, "basic_yearly");
    await shop.deliver();
    const before = (await state()).premium_until;
    await payWith(id, "pm_card_chargeCustomerFail");
    at(ago(9));
    await move(id, "pro_yearly");
    shop.stripe.setTime(new Date());
    expect((await shop.api.subscriptions.retrieve(id)).status).toBe("past_due");
    await shop.deliver();
    expect(await premium()).toBe(true);
    expect((await state()).premium_until?.getTime()).toBeGreaterThan(
      (before?.getTime() ?? 0) - 4 * day,
    );
  });

  it("that is refunded in full ends a cancelled subscription at once, and in part changes nothing", async () => {
    at(ago(10));
    const id = await shop.subscribe(user, "basic_yearly");
    await shop.deliver();
    at(ago(1));
    const [charge] = await chargesOf(id);
    await shop.api.refunds.create({ charge: charge?.id ?? "", amount: 1_000 });
    await shop.deliver();
    expect(await premium()).toBe(true);
    await shop.api.subscriptions.update(id, { cancel_at_period_end: true });
    await shop.api.refunds.create({ charge: charge?.id ?? "" });
    await shop.deliver();
    expect(await premium()).toBe(false);
    expect(await credits()).toBe(basic.credits);
  });

  it("that is contested and lost ends the subscription it paid for", async () => {
    const id = await shop.subscribe(user, "basic_monthly");
    await shop.deliver();
    const [charge] = await chargesOf(id);
    const { id: dispute } = shop.stripe.dispute(charge?.id ?? "");
    await shop.deliver();
    expect(await premium()).toBe(true);
    await shop.api.disputes.close(dispute);
    await shop.deliver();
    expect(await premium()).toBe(false);
  });

  it("of somebody who was deleted in Studio cancels the subscription at the provider", async () => {
    at(ago(31));
    const id = await shop.subscribe(user, "basic_monthly");
    await shop.deliver();
    await asOperator((sql) => sql`delete from auth.users where id = ${user.id}`);
    shop.stripe.advance(new Date());
    expect((await shop.api.subscriptions.retrieve(id)).status).toBe("active");
    await shop.deliver();
    expect((await shop.api.subscriptions.retrieve(id)).status).toBe("canceled");
  });
});

describe("what nobody heard of", () => {
  it("three renewals: a sync grants each of them", async () => {
    at(ago(95));
    await shop.subscribe(user, "basic_monthly");
    await shop.deliver();
    const expected = monthsSince(ago(95));
    shop.stripe.advance(new Date());
    shop.lose();
    const { body } = await sync();
    expect(body.parked).toEqual([]);
    expect(await credits()).toBe(expected * basic.credits);
  });

  it("an end: who comes back can buy, because the provider is read before the answer is no", async () => {
    at(ago(20));
    const id = await shop.subscribe(user, "basic_monthly");
    await shop.deliver();
    await shop.api.subscriptions.cancel(id);
    shop.lose();
    const again = await shop.subscribe(user, "basic_monthly");
    expect(again).not.toBe(id);
  });

  it("a customer who was deleted at Stripe: the next checkout makes another", async () => {
    const id = await shop.subscribe(user, "basic_monthly");
    const { customer } = await shop.api.subscriptions.retrieve(id);
    await shop.api.customers.del(String(customer));
    shop.lose();
    await sync();
    const again = await shop.subscribe(user, "basic_monthly");
    expect((await shop.api.subscriptions.retrieve(again)).customer).not.toBe(customer);
  });

  it("a price that we do not have: the sync says so, and adding the price applies it", async () => {
    const id = await shop.subscribe(user, "basic_monthly");
    await shop.deliver();
    const price = await shop.api.prices.create({
      product: (await shop.api.products.create({ name: "Special" })).id,
      currency: "usd",
      unit_amount: 500,
      recurring: { interval: "month" },
    });
    const { customer } = await shop.api.subscriptions.retrieve(id);
    await shop.api.subscriptions.cancel(id);
    await shop.deliver();
    const special = await shop.api.subscriptions.create({
      customer: String(customer),
      items: [{ price: price.id }],
      default_payment_method: await methodOf(String(customer)),
    });
    expect(await shop.deliver()).toContain("parked");
    expect((await sync()).body.parked).toEqual([
      { subscription: special.id, reason: expect.stringContaining(price.id) },
    ]);
    await asOperator(
      (sql) => sql`
        insert into public.prices (provider, provider_price_id, plan_type, currency, unit_amount, interval, is_current)
        select 'stripe', ${price.id}, p.plan_type, 'usd', 500, 'month', false
        from public.prices as p
        where p.provider_price_id = ${shop.price.pro_monthly}
      `,
    );
    expect(await credits()).toBe(basic.credits + pro.credits);
    expect(await premium()).toBe(true);
  });

  const methodOf = async (customer: string) => {
    const method = await shop.api.paymentMethods.attach("pm_card_visa", { customer });
    return method.id;
  };
});

describe("PayPal", () => {
  const create = (changes: object) =>
    shop.paypal.create({
      plan_id: shop.paypalPrice.basic_monthly,
      custom_id: user.id,
      application_context: { return_url: app, cancel_url: app },
      ...changes,
    });

  it("does not make premium who made the subscription himself, at a price of his own or in ten years", async () => {
    const cent = create({ plan: { billing_cycles: [{ pricing_scheme: {} }] } });
    const late = create({ start_time: new Date(Date.now() + 3_650 * day).toISOString() });
    const plain = create({});
    for (const { id } of [cent, late, plain]) {
      shop.paypal.approve(id);
      await shop.deliverPaypal("BILLING.SUBSCRIPTION.ACTIVATED", { id });
    }
    await sync();
    expect(await premium()).toBe(false);
    expect(await credits()).toBe(0);
    expect((await state()).subscriptions).toEqual([]);
  });

  it("does not let one who writes another's id into his subscription stand in that one's way", async () => {
    const victim = crowd.pop() as Member;
    const { id } = create({ custom_id: victim.id });
    shop.paypal.approve(id);
    await shop.deliverPaypal("BILLING.SUBSCRIPTION.ACTIVATED", { id });
    expect(await shop.subscribe(victim, "basic_monthly")).toMatch(/^sub_/);
    await shop.deliver();
    expect(await premium(victim)).toBe(true);
  });

  it("that we opened is believed only as we ordered it", async () => {
    const id = await shop.approve(user, "basic_monthly");
    const kept = shop.paypal.subscriptions.get(id);
    if (kept) kept.plan_overridden = true;
    await sync();
    expect(await premium()).toBe(false);
  });

  it("entitles from the payment on, and is activated by us", async () => {
    const id = await shop.approve(user, "basic_monthly");
    expect(shop.paypal.subscriptions.get(id)?.status).toBe("APPROVED");
    expect(await premium()).toBe(false);
    await sync();
    expect(shop.paypal.subscriptions.get(id)?.status).toBe("ACTIVE");
    expect(await premium()).toBe(true);
    expect(await credits()).toBe(basic.credits);
  });

  it("in a trial without a payment entitles to nothing, cancelled or not", async () => {
    shop.paypal.addPlan({
      id: shop.paypalPrice.pro_monthly,
      price: "29.00",
      unit: "MONTH",
      trial: { unit: "WEEK", count: 1 },
    });
    const id = await shop.approve(user, "pro_monthly");
    await sync();
    expect(shop.paypal.subscriptions.get(id)?.status).toBe("ACTIVE");
    expect(await premium()).toBe(false);
    await shop.deliverPaypal("BILLING.SUBSCRIPTION.CANCELLED", { id });
    expect(await premium()).toBe(false);
    expect(await credits()).toBe(0);
  });

  it("refunded in full and cancelled entitles to nothing any more", async () => {
    at(ago(100));
    const id = await shop.approve(user, "basic_yearly");
    await sync();
    at(ago(0));
    expect(await premium()).toBe(true);
    const sale = [...shop.paypal.sales.values()].find((one) => one.billing_agreement_id === id);
    const refund = shop.paypal.refund(sale?.id ?? "");
    await cancelAtPaypal(id);
    await shop.deliverPaypal("BILLING.SUBSCRIPTION.CANCELLED", { id });
    await shop.deliverPaypal("PAYMENT.SALE.REFUNDED", refund);
    expect(await premium()).toBe(false);
  });

  it("is refused while a coupon would be lost, unless that is meant", async () => {
    const code = `LOST-${randomUUID().slice(0, 8).toUpperCase()}`;
    await asOperator(
      (sql) => sql`insert into public.coupons (code, discount_percent) values (${code}, 30)`,
    );
    await shop.post(user, "redeem-coupon", { code });
    await expect(shop.approve(user, "basic_monthly")).rejects.toThrow(/coupon/);
    expect(await shop.approve(user, "basic_monthly", { ignore_coupon: true })).toMatch(/^I-/);
  });

  it("beside Stripe, both approved: one runs, and nobody is charged twice", async () => {
    const approval = await shop.approve(user, "basic_monthly");
    // The other tab was still open, and its session was not closed: a lost answer.
    await asOperator((sql) => sql`delete from private.checkouts where user_id = ${user.id}`);
    await shop.subscribe(user, "basic_monthly");
    await shop.deliver();
    await sync();
    expect(shop.paypal.subscriptions.get(approval)?.status).toBe("APPROVED");
    expect(
      [...shop.paypal.sales.values()].filter((one) => one.billing_agreement_id === approval),
    ).toEqual([]);
    expect(await credits()).toBe(basic.credits);
  });

  it("an approval that is still open when the account is deleted never takes money", async () => {
    const id = await shop.approve(user, "basic_monthly");
    const { body } = await shop.post(user, "delete-account", { confirm_email: user.email });
    // It was approved: reading it activated it, and what will renew keeps the account.
    expect(body.error?.code).toBe("active_subscription");
    await cancelAtPaypal(id);
    expect((await shop.post(user, "delete-account", { confirm_email: user.email })).body).toEqual({
      deleted: true,
    });
    expect(shop.paypal.subscriptions.get(id)?.status).toBe("CANCELLED");
  });

  it("approved after the account is gone is not activated", { timeout: 180_000 }, async () => {
    const { body } = await shop.post(user, "create-paypal-subscription", {
      plan_type: await planOf(shop.paypalPrice.basic_monthly),
      return_url: app,
      cancel_url: app,
    });
    const id = String(body.url).split("/").at(-1) ?? "";
    await shop.post(user, "delete-account", { confirm_email: user.email });
    shop.paypal.approve(id);
    await reconcile("2d");
    expect(shop.paypal.subscriptions.get(id)?.status).toBe("APPROVED");
  });
});

describe("the owner", () => {
  it("who sets a subscription to canceled ends the premium that it gave", async () => {
    await shop.subscribe(user, "basic_monthly");
    await shop.deliver();
    await asOperator(
      (sql) => sql`update public.subscriptions set status = 'canceled' where user_id = ${user.id}`,
    );
    expect(await premium()).toBe(false);
  });
});

const reconcile = (since: string) =>
  reconciling(() =>
    runNodeProgram(
      "scripts/run.cjs",
      ["billing-reconcile", "--since", since, `--remote=${stack.DB_URL}`],
      { env: shop.keys },
    ),
  );

async function cancelAtPaypal(id: string) {
  const kept = shop.paypal.subscriptions.get(id);
  if (kept)
    Object.assign(kept, { status: "CANCELLED", status_update_time: new Date().toISOString() });
}

async function planOf(price: string): Promise<string> {
  const [row] = await asOperator(
    (sql) => sql`select plan_type from public.prices where provider_price_id = ${price}`,
  );
  return row?.plan_type;
}
