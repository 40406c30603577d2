import fc from "fast-check";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readBillingAccount } from "../../functions/_shared/billing/account.ts";
import { createProviders } from "../../functions/_shared/billing/providers.ts";
import { syncUser } from "../../functions/_shared/billing/sync.ts";
import { isFailure } from "../../functions/_shared/http/failure.ts";
import { createHandler } from "../../functions/stripe-webhook/handler.ts";
import { billingOf, type SentEvent, signedDelivery } from "../support/billing.ts";
import { gather, type Member } from "../support/crowd.ts";
import { directRpc } from "../support/database.ts";
import { webhookSecret } from "../support/keyed-functions.ts";
import { besideNoReconcile } from "../support/reconcile-lock.ts";
import { openShop, type Shop } from "../support/shop.ts";
import { stack } from "../support/stack.ts";

/**
 * Whatever order events come in, however often, and however many at once: what stands at the end is what Stripe says.
 * PINEBASE_RUNS makes it more than the few histories of every day.
 */

const steps = [
  "month",
  "week",
  "upgrade",
  "downgrade",
  "yearly",
  "schedule",
  "keep",
  "fail",
  "recover",
  "refund",
  "end",
] as const;

type Step = (typeof steps)[number];

const runs = Number(process.env.PINEBASE_RUNS ?? 6);
const day = 86_400_000;
const sql = postgres(stack.DB_URL, {
  max: 6,
  onnotice: () => {},
  connection: { role: "service_role" },
});

let shop: Shop;
beforeAll(async () => {
  shop = await openShop("here");
});
afterAll(async () => {
  await shop?.close();
  await sql.end();
});

/** Lives a life at Stripe, from 300 days ago to now, and gives every event of it. */
async function live(member: Member, life: readonly Step[]): Promise<SentEvent[]> {
  let now = Date.now() - 300 * day;
  const pass = (days: number) => {
    now = Math.min(now + days * day, Date.now());
    shop.stripe.advance(new Date(now));
  };
  shop.stripe.setTime(new Date(now));
  const id = await shop.subscribe(member, "basic_monthly");
  const { api, price } = shop;
  const move = async (to: string) => {
    const { items } = await api.subscriptions.retrieve(id);
    await api.subscriptions.update(id, {
      items: [{ id: items.data[0]?.id ?? "", price: to }],
      proration_behavior: "always_invoice",
    });
  };
  const payWith = async (card: string) => {
    const { customer } = await api.subscriptions.retrieve(id);
    const method = await api.paymentMethods.attach(card, { customer: String(customer) });
    await api.subscriptions.update(id, { default_payment_method: method.id });
  };
  const isYearly = async () => {
    const { items } = await api.subscriptions.retrieve(id);
    return (
      items.data[0]?.price.id === price.basic_yearly || items.data[0]?.price.id === price.pro_yearly
    );
  };
  for (const step of life) {
    pass(step === "month" ? 31 : step === "week" ? 7 : 1);
    const { status, customer } = await api.subscriptions.retrieve(id);
    if (status === "canceled") break;
    if (step === "upgrade") await move((await isYearly()) ? price.pro_yearly : price.pro_monthly);
    if (step === "downgrade")
      await move((await isYearly()) ? price.basic_yearly : price.basic_monthly);
    if (step === "yearly" && !(await isYearly())) await move(price.basic_yearly);
    if (step === "schedule") await api.subscriptions.update(id, { cancel_at_period_end: true });
    if (step === "keep") await api.subscriptions.update(id, { cancel_at_period_end: false });
    if (step === "fail") await payWith("pm_card_chargeCustomerFail");
    if (step === "recover") await payWith("pm_card_visa");
    if (step === "end") await api.subscriptions.cancel(id);
    if (step === "refund") {
      const { data } = await api.charges.list({ customer: String(customer), limit: 100 });
      const paid = data.find(({ paid, refunded }) => paid && !refunded);
      if (paid) await api.refunds.create({ charge: paid.id });
    }
  }
  pass(400);
  return shop.pending.splice(0);
}

/** Every event at least once, some twice, in the order of the given numbers. */
function shuffle(events: SentEvent[], seed: readonly number[]): SentEvent[] {
  const at = (index: number) => seed[index % seed.length] ?? 0;
  return [...events, ...events.filter((_, index) => at(index) % 3 === 0)]
    .map((event, index) => ({ event, key: at(index * 7 + 3) }))
    .sort((one, other) => one.key - other.key)
    .map(({ event }) => event);
}

async function newUser(): Promise<Member> {
  const [member] = await gather(1);
  if (!member) throw new Error("nobody came");
  return member;
}

describe("any order, with duplicates, losses and all at once", () => {
  const service = directRpc(sql);
  const lives = fc.array(fc.constantFrom<Step>(...steps), { minLength: 2, maxLength: 10 });
  const seeds = fc.array(fc.nat(), { minLength: 40, maxLength: 40 });

  it("ends where the order of creation does, and a sync makes up for what was lost", async () => {
    const providers = createProviders({ ...shop.keys, STRIPE_WEBHOOK_SECRET: webhookSecret }, null);
    const handler = createHandler({ service, providers, hasSecret: true, log: () => {} });
    const deliver = async (event: SentEvent) => {
      const url = "http://functions.test/stripe-webhook";
      expect((await handler(signedDelivery(url, event, webhookSecret))).status).toBe(200);
    };
    const credited = async ({ id }: Member) => {
      const { credits, premium_until, subscriptions, agrees } = await billingOf(id);
      const [{ status = null, plan_type = null } = {}] = subscriptions;
      return { credits, premium_until, status, plan_type, agrees };
    };

    const property = fc.asyncProperty(lives, seeds, (life, seed) =>
      besideNoReconcile(async () => {
        const [orderly, disorderly, unheard] = [await newUser(), await newUser(), await newUser()];
        const inOrder = await live(orderly, life);
        const shuffled = shuffle(await live(disorderly, life), seed);
        await live(unheard, life);
        for (const event of inOrder) await deliver(event);
        await Promise.all(shuffled.map(deliver));
        const known = await readBillingAccount(service, unheard.id);
        if (isFailure(known)) throw new Error(known.message);
        expect(await syncUser(service, providers, unheard.id, known)).toEqual([]);

        const expected = await credited(orderly);
        expect(expected.agrees).toBe(true);
        // Their lives began within seconds of each other.
        const end = expected.premium_until?.getTime() ?? 0;
        for (const other of [await credited(disorderly), await credited(unheard)]) {
          expect({ ...other, premium_until: null }).toEqual({ ...expected, premium_until: null });
          expect(Math.abs((other.premium_until?.getTime() ?? 0) - end)).toBeLessThan(day / 24);
        }
      }),
    );
    // To look for a smaller life that fails takes minutes, in which the test ends without a word.
    await fc.assert(property, { numRuns: runs, endOnFailure: true, timeout: 60_000 });
  }, 600_000);
});
