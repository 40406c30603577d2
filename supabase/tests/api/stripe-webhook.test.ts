import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { billingOf, newEvent, type SentEvent, signedDelivery } from "../support/billing.ts";
import { asOperator } from "../support/clients.ts";
import { webhookSecret } from "../support/keyed-functions.ts";
import { createMember, type Member } from "../support/members.ts";
import { opening, openShop, type Shop, sold } from "../support/shop.ts";

/** Webhook events of a subscription, signed and delivered over HTTP, with a stand-in for Stripe. */

let shop: Shop;
let user: Member;

const day = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * day);

beforeAll(async () => {
  shop = await openShop();
});

beforeEach(async () => {
  user = await createMember();
});

afterEach(() => {
  shop.stripe.setTime(new Date());
  shop.loseEvents();
});

afterAll(() => shop?.close());

/** Buys 65 days ago, renews once, changes to a yearly plan and schedules the end; gives all events. */
async function playSubscription(): Promise<SentEvent[]> {
  shop.stripe.setTime(ago(65));
  const id = await shop.subscribe(user, "basic_monthly");
  shop.stripe.advance(ago(10));
  await shop.move(id, "basic_yearly");
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

describe("the events of a subscription", () => {
  const orders: Record<string, (events: SentEvent[]) => SentEvent[]> = {
    "in order": (events) => events,
    reversed: (events) => events.reverse(),
    shuffled: (events) => events.sort((one, other) => (one.id < other.id ? -1 : 1)),
  };
  for (const [name, arrange] of Object.entries(orders)) {
    it(`lead to the same state when each is delivered twice, ${name}`, async () => {
      const events = arrange(await playSubscription());
      const taken = expect.stringMatching(/^(processed|ignored|duplicate)$/);
      for (const status of await shop.deliver([...events, ...events]))
        expect(status).toEqual(taken);
      await expectEnd();
    });
  }

  it("lead to the same state as thin events, which carry nothing but an id", async () => {
    for (const { type, data, created } of await playSubscription()) {
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
  it("about an unknown price is parked with the price's id, and applied when the price is added", async () => {
    const id = await shop.subscribe(user, "basic_monthly");
    await asOperator(
      (sql) => sql`delete from public.prices where provider_price_id = ${shop.price.pro_monthly}`,
    );
    await shop.move(id, "pro_monthly");
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

  it("about a customer and a product that are not ours is ignored, not parked", async () => {
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

  it("about a deleted user is ignored", async () => {
    await shop.subscribe(user, "basic_monthly");
    const events = shop.pending.splice(0);
    await shop.deliver(events.slice(0, 2));
    await asOperator((sql) => sql`delete from auth.users where id = ${user.id}`);
    expect(new Set(await shop.deliver(events.slice(2)))).toEqual(new Set(["ignored"]));
  });

  it("about an object that Stripe does not have yet is parked", async () => {
    const later = newEvent("customer.subscription.updated", { id: `sub_${randomUUID()}` }, 1);
    expect(await shop.deliver([later])).toEqual(["parked"]);
  });
});
