import fc from "fast-check";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readBillingAccount } from "../../functions/_shared/billing/account.ts";
import { createProviders } from "../../functions/_shared/billing/providers.ts";
import { syncUser } from "../../functions/_shared/billing/sync.ts";
import { isFailure } from "../../functions/_shared/http/failure.ts";
import { createHandler } from "../../functions/stripe-webhook/handler.ts";
import { billingOf, type SentEvent, signedDelivery } from "../support/billing.ts";
import { directRpc } from "../support/database.ts";
import { webhookSecret } from "../support/keyed-functions.ts";
import { createMembers, type Member } from "../support/members.ts";
import { openShop, type Shop } from "../support/shop.ts";
import { stack } from "../support/stack.ts";

/**
 * The end state is the one at Stripe, in whatever order events arrive, how often, and how many at once. PINEBASE_RUNS sets
 * how many random histories are tried.
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

/** Plays the steps at Stripe, from 300 days ago until now; gives all events. */
async function play(member: Member, life: readonly Step[]): Promise<SentEvent[]> {
  let now = Date.now() - 300 * day;
  const pass = (days: number) => {
    now = Math.min(now + days * day, Date.now());
    shop.stripe.advance(new Date(now));
  };
  shop.stripe.setTime(new Date(now));
  const id = await shop.subscribe(member, "basic_monthly");
  const { api, price } = shop;
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
    const interval = (await isYearly()) ? "yearly" : "monthly";
    if (step === "upgrade") await shop.move(id, `pro_${interval}`);
    if (step === "downgrade") await shop.move(id, `basic_${interval}`);
    if (step === "yearly" && interval === "monthly") await shop.move(id, "basic_yearly");
    if (step === "schedule") await api.subscriptions.update(id, { cancel_at_period_end: true });
    if (step === "keep") await api.subscriptions.update(id, { cancel_at_period_end: false });
    if (step === "fail") await shop.payWith(id, "pm_card_chargeCustomerFail");
    if (step === "recover") await shop.payWith(id, "pm_card_visa");
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

/** Every event once, some twice, in an order that depends on the numbers. */
function shuffle(events: SentEvent[], seed: readonly number[]): SentEvent[] {
  const at = (index: number) => seed[index % seed.length] ?? 0;
  return [...events, ...events.filter((_, index) => at(index) % 3 === 0)]
    .map((event, index) => ({ event, key: at(index * 7 + 3) }))
    .sort((one, other) => one.key - other.key)
    .map(({ event }) => event);
}

describe("events in any order, doubled, lost or all at once,", () => {
  const service = directRpc(sql);
  const lives = fc.array(fc.constantFrom<Step>(...steps), { minLength: 2, maxLength: 10 });
  const seeds = fc.array(fc.nat(), { minLength: 40, maxLength: 40 });

  it("lead to the same state as in the order of creation, and a sync replaces lost ones", async () => {
    const providers = createProviders({ ...shop.keys, STRIPE_WEBHOOK_SECRET: webhookSecret }, null);
    const handler = createHandler({ service, providers, hasSecret: true, log: () => {} });
    const deliver = async (event: SentEvent) => {
      const url = "http://functions.test/stripe-webhook";
      expect((await handler(signedDelivery(url, event, webhookSecret))).status).toBe(200);
    };
    const stateOf = async ({ id }: Member) => {
      const { credits, premium_until, subscriptions, agrees } = await billingOf(id);
      const [{ status = null, plan_type = null } = {}] = subscriptions;
      return { credits, premium_until, status, plan_type, agrees };
    };

    const property = fc.asyncProperty(lives, seeds, async (life, seed) => {
      const [orderly, disorderly, undelivered] = await createMembers(3);
      if (!orderly || !disorderly || !undelivered) throw new Error("There are not three users.");
      const inOrder = await play(orderly, life);
      const shuffled = shuffle(await play(disorderly, life), seed);
      await play(undelivered, life);
      for (const event of inOrder) await deliver(event);
      await Promise.all(shuffled.map(deliver));
      const account = await readBillingAccount(service, undelivered.id);
      if (isFailure(account)) throw new Error(account.message);
      expect(await syncUser(service, providers, undelivered.id, account)).toEqual([]);

      const expected = await stateOf(orderly);
      expect(expected.agrees).toBe(true);
      // The three subscriptions began within seconds of each other.
      const end = expected.premium_until?.getTime() ?? 0;
      for (const other of [await stateOf(disorderly), await stateOf(undelivered)]) {
        expect({ ...other, premium_until: null }).toEqual({ ...expected, premium_until: null });
        expect(Math.abs((other.premium_until?.getTime() ?? 0) - end)).toBeLessThan(day / 24);
      }
    });
    // Without endOnFailure fast-check looks for a smaller failing history until the test runs out of time.
    await fc.assert(property, { numRuns: runs, endOnFailure: true, timeout: 60_000 });
  }, 600_000);
});
