import fc from "fast-check";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { directRpc } from "../../../scripts/lib/service-database.ts";
import { subscriptionSchema } from "../../functions/_shared/stripe-objects.ts";
import type { StripeReader } from "../../functions/_shared/stripe-reader.ts";
import { stripeSnapshot } from "../../functions/_shared/stripe-snapshot.ts";
import { createHandler } from "../../functions/stripe-webhook/handler.ts";
import { billingOf, offerPlans, signedDelivery } from "../support/billing.ts";
import { gather } from "../support/crowd.ts";
import { type Moment, playHistory, type Step, steps } from "../support/history.ts";
import { stack } from "../support/stack.ts";

/**
 * Whatever order events come in, however often, and however slowly Stripe is read: what stands at the end is what
 * Stripe says. PINEBASE_RUNS makes it more than the few histories of every day.
 */

const secret = "whsec_order";
const runs = Number(process.env.PINEBASE_RUNS ?? 25);
const day = 86_400;
const sql = postgres(stack.DB_URL, {
  max: 6,
  onnotice: () => {},
  connection: { role: "service_role" },
});

beforeAll(offerPlans);
afterAll(() => sql.end());

const history = fc.array(fc.constantFrom<Step>(...steps), { minLength: 2, maxLength: 14 });
// The beginning of most histories, so that not all end before they begin.
const started = fc
  .tuple(fc.constantFrom<Step>("activate", "start_trial"), history)
  .map(([first, rest]) => [first, ...rest]);

function deliverWith(reader: StripeReader | null) {
  const service = directRpc(sql);
  const handler = createHandler({ service, secrets: [secret], reader, log: () => {} });
  return async ({ event }: Moment) => {
    const url = "http://functions.test/stripe-webhook";
    const response = await handler(signedDelivery(url, event, secret));
    expect(response.status).toBe(200);
  };
}

async function newUser(): Promise<string> {
  const [member] = await gather(1);
  if (!member) throw new Error("nobody came");
  return member.id;
}

function expectedRow({ subscription }: Moment) {
  const snapshot = stripeSnapshot(subscriptionSchema.parse(subscription));
  const date = (time: string | null) => (time === null ? null : new Date(time));
  return {
    id: snapshot.id,
    status: snapshot.status,
    current_period_end: date(snapshot.period_end),
    cancel_at: date(snapshot.cancel_at),
    ended_at: date(snapshot.ended_at),
  };
}

const last = (moments: Moment[]): Moment => {
  const moment = moments.at(-1);
  if (!moment) throw new Error("an empty history");
  return moment;
};

/** Every moment at least once, some twice, in the order of the given numbers. */
function shuffle(moments: Moment[], seed: readonly number[]): Moment[] {
  const at = (index: number) => seed[index % seed.length] ?? 0;
  return [...moments, ...moments.filter((_, index) => at(index) % 3 === 0)]
    .map((moment, index) => ({ moment, key: at(index * 7 + 3) }))
    .sort((one, other) => one.key - other.key)
    .map(({ moment }) => moment);
}

const seeds = fc.array(fc.nat(), { minLength: 40, maxLength: 40 });

describe("without a key", () => {
  const start = Math.floor(Date.now() / 1000) - 900 * day;

  it("any order, with duplicates and all at once, ends where the order of creation does", async () => {
    await fc.assert(
      fc.asyncProperty(started, seeds, async (given, seed) => {
        const deliver = deliverWith(null);
        const [orderly, shuffled] = [await newUser(), await newUser()];
        for (const moment of playHistory(orderly, given, { from: start })) await deliver(moment);

        const moments = playHistory(shuffled, given, { from: start });
        await Promise.all(shuffle(moments, seed).map(deliver));

        const [inOrder, inDisorder] = [await billingOf(orderly), await billingOf(shuffled)];
        expect(inDisorder.subscriptions).toMatchObject([expectedRow(last(moments))]);
        expect(inDisorder.credits).toBe(inOrder.credits);
        expect(inDisorder.premium_until).toEqual(inOrder.premium_until);
        expect(inDisorder.agrees).toBe(true);
      }),
      { numRuns: runs },
    );
  });
});

describe("with a key", () => {
  // Plans of a month only: a year's later months depend on when it is asked.
  const lengths = { from: Math.floor(Date.now() / 1000) - 600 * day, monthly: 30, yearly: 30 };

  it("any order, with duplicates and slow reads, ends with what Stripe says, and every payment's credits", async () => {
    await fc.assert(
      fc.asyncProperty(started, seeds, async (given, seed) => {
        const user = await newUser();
        const moments = playHistory(user, given, lengths);
        // How far Stripe has got; events are delivered some time after they happened.
        let present = 0;
        let reads = 0;
        const deliver = deliverWith({
          livemode: false,
          subscription: async () => {
            const said = stripeSnapshot(
              subscriptionSchema.parse(moments[present]?.subscription ?? null),
            );
            reads += 1;
            // A slow read: others begin and end before this one is heard.
            const turns = (seed[reads % seed.length] ?? 0) % 6;
            for (let turn = 0; turn < turns; turn += 1) await sql`select 1`;
            return said;
          },
          subscriptionsOf: async () => [],
          customerOfCharge: async () => null,
        });

        // Somewhat out of order, so that old and new states are read beside each other.
        const order = [...moments, ...shuffle(moments, seed)]
          .map((moment, index) => ({
            moment,
            key: (index % moments.length) + ((seed[index % seed.length] ?? 0) % 4),
          }))
          .sort((one, other) => one.key - other.key)
          .map(({ moment }) => moment);
        const deliveries: Promise<void>[] = [];
        for (const moment of order) {
          present = Math.max(present, moments.indexOf(moment));
          deliveries.push(deliver(moment));
          if ((seed[deliveries.length % seed.length] ?? 0) % 5 === 0) await deliveries.at(-1);
        }
        await Promise.all(deliveries);

        const billing = await billingOf(user);
        expect(billing.subscriptions).toMatchObject([expectedRow(last(moments))]);
        expect(billing.credits).toBe(5 + 100 * paidMonths(moments));
        expect(billing.agrees).toBe(true);
      }),
      { numRuns: runs },
    );
  });
});

describe("a slow fetch", () => {
  it("does not overwrite what was read after it", async () => {
    const user = await newUser();
    const [created, activated] = playHistory(user, ["activate"], {
      from: Math.floor(Date.now() / 1000) - day,
    });
    if (!created || !activated) throw new Error("an empty history");
    let settle = () => {};
    let begin = () => {};
    const settled = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const readerOf = (moment: Moment, wait: Promise<void>): StripeReader => ({
      livemode: false,
      subscription: async () => {
        begin();
        await wait;
        return stripeSnapshot(subscriptionSchema.parse(moment.subscription));
      },
      subscriptionsOf: async () => [],
      customerOfCharge: async () => null,
    });
    const slow = deliverWith(readerOf(created, settled))(created);
    await begun;
    await deliverWith(readerOf(activated, Promise.resolve()))(activated);
    settle();
    await slow;
    expect((await billingOf(user)).subscriptions).toMatchObject([{ status: "active" }]);
  });
});

/** As many months as were paid for, where those that begin within one count as that one. */
function paidMonths(moments: Moment[]): number {
  const starts = moments
    .filter(({ event }) => event.type === "invoice.paid")
    .map(({ event }) => {
      const { lines } = event.data.object as {
        lines: { data: [{ amount: number; period: { start: number } }] };
      };
      return lines.data[0].period.start;
    })
    .sort((one, other) => one - other);
  let months = 0;
  let counted = Number.NEGATIVE_INFINITY;
  for (const start of starts) {
    if (start < counted + 27 * day) continue;
    counted = start;
    months += 1;
  }
  return months;
}
