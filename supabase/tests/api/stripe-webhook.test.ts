import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { subscriptionSchema } from "../../functions/_shared/stripe-objects.ts";
import { stripeSnapshot } from "../../functions/_shared/stripe-snapshot.ts";
import { billingOf, newEvent, offerPlans, signedDelivery } from "../support/billing.ts";
import { asOperator } from "../support/clients.ts";
import { gather, type Member, rpcAs } from "../support/crowd.ts";
import { type Moment, playHistory, type Step } from "../support/history.ts";
import { startKeyedFunctions, webhookSecret } from "../support/keyed-functions.ts";
import { stack } from "../support/stack.ts";
import { type StripeFake, startStripeFake } from "../support/stripe-fake.ts";

/** The life of a subscription, delivered with real signatures over HTTP, with a Stripe behind it and without. */

let stripe: StripeFake;
let keyed: Awaited<ReturnType<typeof startKeyedFunctions>>;

beforeAll(async () => {
  stripe = await startStripeFake();
  keyed = await startKeyedFunctions({
    STRIPE_SECRET_KEY: "sk_test_webhook",
    STRIPE_API_BASE: stripe.url,
  });
  await offerPlans();
});

afterAll(async () => {
  await keyed?.stop();
  await stripe?.close();
});

const day = 86_400;
const now = Math.floor(Date.now() / 1000);

// Bought 65 days ago, renewed, failed, recovered, changed to the other plan, scheduled to end; ended at last.
const life: Step[] = ["activate", "renew", "pay", "renew", "fail", "recover", "change_plan"];
const ending: Step[] = ["schedule_end", "end"];
const from = now - 65 * day;

async function newUser(): Promise<Member> {
  const [member] = await gather(1);
  if (!member) throw new Error("nobody came");
  return member;
}

const ways = {
  "with a key": () => ({ url: keyed.url, secret: webhookSecret, reads: true }),
  "without a key": () => ({
    url: stack.FUNCTIONS_URL,
    secret: stack.STRIPE_WEBHOOK_SECRET ?? "",
    reads: false,
  }),
};

type Way = ReturnType<(typeof ways)["with a key"]>;

async function deliver(way: Way, { event }: Moment) {
  const response = await fetch(signedDelivery(`${way.url}/stripe-webhook`, event, way.secret));
  const body = await response.json();
  expect([response.status, body]).toEqual([200, { received: true, status: expect.anything() }]);
  return body.status as string;
}

/** Until when a subscription in this state makes premium, in the contract's words. */
function entitledUntil({ subscription }: Moment): number | null {
  const { status, period_start, period_end, cancel_at } = stripeSnapshot(
    subscriptionSchema.parse(subscription),
  );
  const at = (time: string | null) => (time === null ? Number.POSITIVE_INFINITY : Date.parse(time));
  if (["active", "trialing"].includes(status)) {
    return Math.min(at(period_end) + 3 * day * 1000, at(cancel_at));
  }
  return status === "past_due" ? at(period_start) + 7 * day * 1000 : null;
}

async function expectStateOf(user: Member, moment: Moment) {
  const { body: account } = await rpcAs(user.token, "get_my_account", {});
  const until = entitledUntil(moment);
  expect(account.is_premium).toBe(until !== null && until > Date.now());
  expect(account.subscription.status).toBe(moment.subscription.status);
  expect((await billingOf(user.id)).premium_until?.getTime() ?? null).toBe(until);
}

async function expectSameEnd(
  way: Way,
  steps: Step[],
  arrange: (moments: Moment[]) => Moment[],
): Promise<void> {
  const user = await newUser();
  const moments = playHistory(user.id, steps, { from });
  const last = moments.at(-1);
  if (!last) throw new Error("an empty history");
  stripe.put("subscription", last.subscription);
  const order = arrange([...moments]);
  for (const moment of [...order, ...order, ...order]) await deliver(way, moment);
  await expectStateOf(user, last);
  expect(await billingOf(user.id)).toMatchObject({ agrees: true, credits: 305 });
}

for (const [name, choose] of Object.entries(ways)) {
  describe(name, () => {
    it("in order, each delivered three times, every step shows at once", async () => {
      const [way, user] = [choose(), await newUser()];
      for (const moment of playHistory(user.id, [...life, ...ending], { from })) {
        stripe.put("subscription", moment.subscription);
        expect(["processed", "ignored", "parked"]).toContain(await deliver(way, moment));
        expect(["duplicate", "parked"]).toContain(await deliver(way, moment));
        await deliver(way, moment);
        await expectStateOf(user, moment);
      }
      expect(await billingOf(user.id)).toMatchObject({ agrees: true, credits: 305 });
    });

    it("reversed, each delivered three times, it ends the same", async () => {
      await expectSameEnd(choose(), life, (moments) => moments.reverse());
    });

    it("shuffled, each delivered three times, it ends the same", async () => {
      const byId = (one: Moment, other: Moment) => (one.event.id < other.event.id ? -1 : 1);
      await expectSameEnd(choose(), [...life, ...ending], (moments) => moments.sort(byId));
    });
  });
}

describe("monthly credits", () => {
  it("are not doubled by a duplicate invoice.paid, nor by invoice.payment_succeeded beside it", async () => {
    const [way, user] = [ways["without a key"](), await newUser()];
    const moments = playHistory(user.id, ["activate"], { from: now - day });
    for (const moment of [...moments, ...moments]) await deliver(way, moment);
    const paid = moments.find(({ event }) => event.type === "invoice.paid");
    if (!paid) throw new Error("nothing was paid");
    const again = newEvent("invoice.payment_succeeded", paid.event.data.object, now);
    await deliver(way, { ...paid, event: again });
    expect((await billingOf(user.id)).credits).toBe(105);
  });

  it("come each month of a yearly plan, by the sweep where no event does", async () => {
    const [way, user] = [ways["without a key"](), await newUser()];
    const moments = playHistory(user.id, ["activate", "change_plan"], { from: now - 100 * day });
    for (const moment of moments) await deliver(way, moment);
    expect((await billingOf(user.id)).credits).toBe(105);
    await asOperator((sql) => sql`select private.sweep()`);
    expect((await billingOf(user.id)).credits).toBe(405);
    await asOperator((sql) => sql`select private.sweep()`);
    expect((await billingOf(user.id)).credits).toBe(405);
  });
});

describe("an event", () => {
  it("of an unknown price parks, says which, and is settled by its next delivery once the plan knows it", async () => {
    const [way, user] = [ways["without a key"](), await newUser()];
    const [created] = playHistory(user.id, [], { from: now });
    if (!created) throw new Error("an empty history");
    const price = `price_${user.id}`;
    const items = { data: [{ price: { id: price } }] };
    const event = { ...created.event, data: { object: { ...created.event.data.object, items } } };
    expect(await deliver(way, { ...created, event })).toBe("parked");
    const [row] = await asOperator(
      (sql) => sql`select error from private.webhook_events where event_id = ${event.id}`,
    );
    expect(row?.error).toContain(price);
  });

  it("of a deleted user is ignored", async () => {
    const [way, user] = [ways["without a key"](), await newUser()];
    const moments = playHistory(user.id, ["activate", "end"], { from: now - 3 * day });
    const [first, ...rest] = moments;
    if (!first) throw new Error("an empty history");
    await deliver(way, first);
    await asOperator((sql) => sql`delete from auth.users where id = ${user.id}`);
    for (const moment of rest) expect(await deliver(way, moment)).toBe("ignored");
  });

  it("within the second of another does not take away what that one entitled to", async () => {
    const [way, user] = [ways["without a key"](), await newUser()];
    const [created, activated] = playHistory(user.id, ["activate"], { from: now });
    if (!created || !activated) throw new Error("an empty history");
    expect(created.event.created).toBe(activated.event.created);
    // Stripe also sends, within that second, an update that still says incomplete.
    const late = newEvent(
      "customer.subscription.updated",
      created.event.data.object,
      created.event.created,
    );
    for (const event of [activated.event, created.event, late]) {
      await deliver(way, { ...created, event });
    }
    expect((await billingOf(user.id)).subscriptions).toMatchObject([{ status: "active" }]);
  });
});
