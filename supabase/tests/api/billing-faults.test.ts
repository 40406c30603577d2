import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { billingOf } from "../support/billing.ts";
import { asOperator } from "../support/clients.ts";
import { newCoupon } from "../support/coupons.ts";
import { app } from "../support/keyed-functions.ts";
import { createMember, type Member } from "../support/members.ts";
import { opening, openShop, type Shop, sold } from "../support/shop.ts";

/** Faults that billing systems are known for, each played at the stand-ins for Stripe and PayPal. */

let shop: Shop;
let user: Member;

const day = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * day);
const { basic_monthly: basic, pro_monthly: pro } = sold;

beforeAll(async () => {
  shop = await openShop();
});

beforeEach(async () => {
  user = await createMember();
});

afterEach(() => {
  shop.stripe.setTime(new Date());
  shop.paypal.setTime(new Date());
  shop.stripe.afterRetries("canceled");
  shop.loseEvents();
});

afterAll(() => shop?.close());

const state = (who = user) => billingOf(who.id);
const credits = async (who = user) => (await state(who)).credits - opening;
const premium = async (who = user) =>
  ((await state(who)).premium_until?.getTime() ?? 0) > Date.now();
const sync = (who = user) => shop.post(who, "sync-subscription", {});
const sweep = () => asOperator((sql) => sql`select public.sweep()`);

/** Sets the time at both providers. */
function at(time: Date): void {
  shop.stripe.setTime(time);
  shop.paypal.setTime(time);
}

const chargesOf = async (subscription: string) => {
  const { customer } = await shop.api.subscriptions.retrieve(subscription);
  const { data } = await shop.api.charges.list({ customer: String(customer), limit: 100 });
  return data;
};

/** How many monthly periods since `start` have begun by now. */
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
  it("a raised price changes nothing for existing subscribers: renewal, premium and credits continue", async () => {
    at(ago(40));
    await shop.subscribe(user, "basic_monthly");
    await shop.deliver();
    await shop.raisePrice("basic_monthly", 1_200);
    shop.stripe.advance(new Date());
    expect(await shop.deliver()).not.toContain("parked");
    expect(await credits()).toBe(2 * basic.credits);
    expect(await premium()).toBe(true);
    // A new subscriber pays the new price.
    const late = await createMember();
    await shop.subscribe(late, "basic_monthly");
    const [invoice] = shop.stripe.objects("invoice").slice(-1);
    expect(invoice?.amount_paid).toBe(1_200);
  });
});

describe("a change of plan", () => {
  it("within a paid year to more credits grants the difference for the running month and later months in full", async () => {
    at(ago(70));
    const id = await shop.subscribe(user, "basic_yearly");
    await shop.deliver();
    await sweep();
    expect(await credits()).toBe(3 * basic.credits);
    at(ago(0));
    await shop.move(id, "pro_yearly");
    await shop.deliver();
    expect(await credits()).toBe(2 * basic.credits + pro.credits);
    expect(await premium()).toBe(true);
  });

  it("within a paid year to fewer credits takes nothing back, and applies from the next month on", async () => {
    at(ago(70));
    const id = await shop.subscribe(user, "pro_yearly");
    at(ago(65));
    await shop.move(id, "basic_yearly");
    shop.stripe.advance(new Date());
    await shop.deliver();
    await sweep();
    expect(await credits()).toBe(pro.credits + 2 * basic.credits);
  });

  it("from monthly to yearly begins a new paid period with its credits at once", async () => {
    at(ago(26));
    const id = await shop.subscribe(user, "basic_monthly");
    await shop.deliver();
    at(ago(0));
    await shop.move(id, "basic_yearly");
    await shop.deliver();
    expect(await credits()).toBe(2 * basic.credits);
    const [row] = (await state()).subscriptions;
    expect(row?.current_period_end?.getTime()).toBeGreaterThan(Date.now() + 360 * day);
  });

  it("whose events were lost is found in its invoice, and grants the same credits", async () => {
    at(ago(70));
    const id = await shop.subscribe(user, "basic_yearly");
    await shop.deliver();
    at(ago(65));
    await shop.move(id, "pro_yearly");
    shop.stripe.setTime(new Date());
    shop.loseEvents();
    await sync();
    await sweep();
    expect(await credits()).toBe(3 * pro.credits);
  });
});

describe("months", () => {
  it("from the 31st on grant credits once for each paid period", async () => {
    // The latest 31st that is at least three months ago.
    const start = new Date(Date.now() - 95 * day);
    while (start.getUTCDate() !== 31) start.setUTCDate(start.getUTCDate() - 1);
    at(start);
    await shop.subscribe(user, "basic_monthly");
    shop.stripe.advance(new Date());
    await shop.deliver();
    await sweep();
    expect(await credits()).toBe(monthsSince(start) * basic.credits);
  });

  it("of an unpaid subscription grant no credits", async () => {
    shop.stripe.afterRetries("unpaid");
    at(ago(200));
    const id = await shop.subscribe(user, "basic_monthly");
    await shop.payWith(id, "pm_card_chargeCustomerFail");
    shop.stripe.advance(new Date());
    await shop.deliver();
    await sweep();
    expect((await state()).subscriptions).toMatchObject([{ status: "unpaid" }]);
    expect(await credits()).toBe(basic.credits);
    expect(await premium()).toBe(false);
  });
});

describe("a payment", () => {
  it("of a proration that fails does not shorten a year that was paid for", async () => {
    at(ago(60));
    const id = await shop.subscribe(user, "basic_yearly");
    await shop.deliver();
    const before = (await state()).premium_until;
    await shop.payWith(id, "pm_card_chargeCustomerFail");
    at(ago(9));
    await shop.move(id, "pro_yearly");
    shop.stripe.setTime(new Date());
    expect((await shop.api.subscriptions.retrieve(id)).status).toBe("past_due");
    await shop.deliver();
    expect(await premium()).toBe(true);
    expect((await state()).premium_until?.getTime()).toBeGreaterThan(
      (before?.getTime() ?? 0) - 4 * day,
    );
  });

  it("that is refunded in full ends a cancelled subscription at once; a refund in part changes nothing", async () => {
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

  it("whose dispute is lost ends the subscription that it paid for", async () => {
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

  it("of a user who was deleted in Studio makes us cancel the subscription at the provider", async () => {
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

describe("when events were lost,", () => {
  it("a sync grants the credits of each of three renewals", async () => {
    at(ago(95));
    await shop.subscribe(user, "basic_monthly");
    await shop.deliver();
    const expected = monthsSince(ago(95));
    shop.stripe.advance(new Date());
    shop.loseEvents();
    const { body } = await sync();
    expect(body.parked).toEqual([]);
    expect(await credits()).toBe(expected * basic.credits);
  });

  it("a user whose subscription has ended can buy again, because the checkout reads the provider first", async () => {
    at(ago(20));
    const id = await shop.subscribe(user, "basic_monthly");
    await shop.deliver();
    await shop.api.subscriptions.cancel(id);
    shop.loseEvents();
    const again = await shop.subscribe(user, "basic_monthly");
    expect(again).not.toBe(id);
  });

  it("the checkout creates a new customer in place of one that was deleted at Stripe", async () => {
    const id = await shop.subscribe(user, "basic_monthly");
    const { customer } = await shop.api.subscriptions.retrieve(id);
    await shop.api.customers.del(String(customer));
    shop.loseEvents();
    await sync();
    const again = await shop.subscribe(user, "basic_monthly");
    expect((await shop.api.subscriptions.retrieve(again)).customer).not.toBe(customer);
  });

  it("a sync reports a price that we do not have, and adding the price applies the subscription", async () => {
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

  it("does not make a user premium for a subscription that they created themselves, at any price and any start", async () => {
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

  it("does not let a subscription that carries another user's id block that user's checkout", async () => {
    const victim = await createMember();
    const { id } = create({ custom_id: victim.id });
    shop.paypal.approve(id);
    await shop.deliverPaypal("BILLING.SUBSCRIPTION.ACTIVATED", { id });
    expect(await shop.subscribe(victim, "basic_monthly")).toMatch(/^sub_/);
    await shop.deliver();
    expect(await premium(victim)).toBe(true);
  });

  it("does not make a user premium for our subscription when its plan was overridden", async () => {
    const id = await shop.approve(user, "basic_monthly");
    const kept = shop.paypal.subscriptions.get(id);
    if (kept) kept.plan_overridden = true;
    await sync();
    expect(await premium()).toBe(false);
  });

  it("entitles from the payment on, after our sync has activated the approved subscription", async () => {
    const id = await shop.approve(user, "basic_monthly");
    expect(shop.paypal.subscriptions.get(id)?.status).toBe("APPROVED");
    expect(await premium()).toBe(false);
    await sync();
    expect(shop.paypal.subscriptions.get(id)?.status).toBe("ACTIVE");
    expect(await premium()).toBe(true);
    expect(await credits()).toBe(basic.credits);
  });

  it("does not entitle in a trial without a payment, cancelled or not", async () => {
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

  it("does not entitle after a full refund and a cancellation", async () => {
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

  it("refuses a subscription for which a redeemed coupon would be lost, unless that is confirmed", async () => {
    await shop.post(user, "redeem-coupon", { code: await newCoupon() });
    await expect(shop.approve(user, "basic_monthly")).rejects.toThrow(/coupon/);
    expect(await shop.approve(user, "basic_monthly", { ignore_coupon: true })).toMatch(/^I-/);
  });

  it("does not activate an approved subscription while one at Stripe is running", async () => {
    const approval = await shop.approve(user, "basic_monthly");
    // The answer that would have closed this checkout was lost, and another tab is still open.
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

  it("keeps an account from deletion while an approved subscription would take money", async () => {
    const id = await shop.approve(user, "basic_monthly");
    const { body } = await shop.post(user, "delete-account", { confirm_email: user.email });
    // The deletion reads the approved subscription, which activates it, and is refused because it will renew.
    expect(body.error?.code).toBe("active_subscription");
    await cancelAtPaypal(id);
    expect((await shop.post(user, "delete-account", { confirm_email: user.email })).body).toEqual({
      deleted: true,
    });
    expect(shop.paypal.subscriptions.get(id)?.status).toBe("CANCELLED");
  });
});

describe("the operator", () => {
  it("ends a subscription's premium by setting its status to canceled", async () => {
    await shop.subscribe(user, "basic_monthly");
    await shop.deliver();
    await asOperator(
      (sql) => sql`update public.subscriptions set status = 'canceled' where user_id = ${user.id}`,
    );
    expect(await premium()).toBe(false);
  });
});

async function cancelAtPaypal(id: string) {
  const kept = shop.paypal.subscriptions.get(id);
  if (kept)
    Object.assign(kept, { status: "CANCELLED", status_update_time: new Date().toISOString() });
}
