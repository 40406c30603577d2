import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { billingOf, newEvent, type SentEvent, signedDelivery } from "../support/billing.ts";
import { asOperator } from "../support/clients.ts";
import { gather, type Member } from "../support/crowd.ts";
import { webhookSecret } from "../support/keyed-functions.ts";
import { opening, openShop, type Shop, sold } from "../support/shop.ts";

/** The life of a subscription, delivered with real signatures over HTTP, with a Stripe behind it. */

let shop: Shop;
let crowd: Member[];
let user: Member;

const day = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * day);

beforeAll(async () => {
  shop = await openShop();
  crowd = await gather(12);
});

beforeEach(() => {
  const next = crowd.pop();
  if (!next) throw new Error("gather more");
  user = next;
});

afterEach(() => {
  shop.stripe.setTime(new Date());
  shop.lose();
});

afterAll(() => shop?.close());

/** Bought 65 days ago and renewed twice; the second time the card failed at first; then changed to a year, to end. */
async function live(): Promise<SentEvent[]> {
  shop.stripe.setTime(ago(65));
  const id = await shop.subscribe(user, "basic_monthly");
  shop.stripe.advance(ago(10));
  const { items } = await shop.api.subscriptions.retrieve(id);
  await shop.api.subscriptions.update(id, {
    items: [{ id: items.data[0]?.id ?? "", price: shop.price.basic_yearly }],
    proration_behavior: "always_invoice",
  });
  await shop.api.subscriptions.update(id, { cancel_at_period_end: true });
  shop.stripe.setTime(new Date());
  return shop.pending.splice(0);
}

const renewals = 2;
const credits = opening + (renewals + 1) * sold.basic_monthly.credits;

async function expectEnd() {
  const state = await billingOf(user.id);
  expect(state).toMatchObject({ agrees: true, credits });
  const [subscription] = state.subscriptions;
  expect(subscription).toMatchObject({ status: "active", cancel_at: expect.any(Date) });
  expect(state.premium_until).toEqual(subscription?.cancel_at);
}

describe("a life", () => {
  const orders: Record<string, (events: SentEvent[]) => SentEvent[]> = {
    "in order": (events) => events,
    reversed: (events) => events.reverse(),
    shuffled: (events) => events.sort((one, other) => (one.id < other.id ? -1 : 1)),
  };
  for (const [name, arrange] of Object.entries(orders)) {
    it(`${name}, each event delivered twice, ends the same`, async () => {
      const events = arrange(await live());
      const taken = expect.stringMatching(/^(processed|ignored|duplicate)$/);
      for (const status of await shop.deliver([...events, ...events]))
        expect(status).toEqual(taken);
      await expectEnd();
    });
  }

  it("told by thin events, which carry nothing but an id, ends the same", async () => {
    for (const { type, data, created } of await live()) {
      const { id, object } = data.object as { id: string; object: string };
      const thin = {
        id: `evt_${randomUUID()}`,
        object: "v2.core.event",
        type: `v1.${type}`,
        created: new Date(created * 1000).toISOString(),
        livemode: false,
        related_object: { id, type: object, url: `/v1/${object}s/${id}` },
      };
      const url = `${shop.functionsUrl}/stripe-webhook`;
      const request = signedDelivery(url, thin as unknown as SentEvent, webhookSecret);
      expect((await fetch(request)).status).toBe(200);
    }
    await expectEnd();
  });
});

describe("an event", () => {
  it("of an unknown price of a customer of ours parks, says which, and applies when the price is added", async () => {
    const id = await shop.subscribe(user, "basic_monthly");
    await asOperator(
      (sql) => sql`delete from public.prices where provider_price_id = ${shop.price.pro_monthly}`,
    );
    const { items } = await shop.api.subscriptions.retrieve(id);
    await shop.api.subscriptions.update(id, {
      items: [{ id: items.data[0]?.id ?? "", price: shop.price.pro_monthly }],
      proration_behavior: "always_invoice",
    });
    expect(await shop.deliver()).toContain("parked");
    const rows = await asOperator(
      (sql) =>
        sql`select error from private.webhook_events where status = 'parked' and error like ${`%${shop.price.pro_monthly}%`}`,
    );
    expect(rows.length).toBeGreaterThan(0);
    await asOperator(
      (sql) => sql`
        insert into public.prices (provider, provider_price_id, plan_type, currency, unit_amount, interval)
        select 'stripe', ${shop.price.pro_monthly}, replace(p.plan_type, 'basic', 'pro'), 'usd', 2900, 'month'
        from public.prices as p where p.provider_price_id = ${shop.price.basic_monthly}
      `,
    );
    expect((await billingOf(user.id)).credits).toBe(opening + sold.pro_monthly.credits);
  });

  it("of a product that is not ours, of nobody's customer, is ignored and not kept waiting", async () => {
    const customer = await shop.api.customers.create({ payment_method: "pm_card_visa" });
    const price = await shop.api.prices.create({
      product: (await shop.api.products.create({ name: "Mugs" })).id,
      currency: "usd",
      unit_amount: 500,
      recurring: { interval: "month" },
    });
    const [method] = shop.stripe.objects("payment_method").slice(-1);
    await shop.api.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      default_payment_method: method?.id ?? "",
    });
    expect(new Set(await shop.deliver())).toEqual(new Set(["ignored"]));
  });

  it("of a deleted user is ignored", async () => {
    await shop.subscribe(user, "basic_monthly");
    const events = shop.pending.splice(0);
    await shop.deliver(events.slice(0, 2));
    await asOperator((sql) => sql`delete from auth.users where id = ${user.id}`);
    expect(new Set(await shop.deliver(events.slice(2)))).toEqual(new Set(["ignored"]));
  });

  it("about an object that Stripe does not have yet parks, and a replay finishes it", async () => {
    const later = newEvent("customer.subscription.updated", { id: `sub_${randomUUID()}` }, 1);
    expect(await shop.deliver([later])).toEqual(["parked"]);
  });
});
