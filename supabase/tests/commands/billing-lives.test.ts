import { readFile } from "node:fs/promises";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { priceOf } from "../support/billing-lives/catalog.ts";
import { type BillingDatabase, billingDatabase } from "../support/billing-lives/database.ts";
import type { Life } from "../support/billing-lives/life.ts";
import {
  buy,
  cancelAtEnd,
  cancelNow,
  cardFails,
  cardWorks,
  dispute,
  lifeOf,
  loseDisputes,
  momentOf,
  move,
  outageOf,
  promptly,
  reconcile,
  refund,
} from "../support/billing-lives/named.ts";
import { type Outcome, play } from "../support/billing-lives/play.ts";
import { simulateProvider } from "../support/billing-lives/provider.ts";
import { runLives } from "../support/billing-lives/run.ts";
import { type Json, snapshotOf } from "../support/billing-lives/snapshot.ts";
import { day } from "../support/billing-reference/calendar.ts";
import { pushMigrations, type ScratchPlatform, startScratchPlatform } from "../support/database.ts";

let platform: ScratchPlatform;
let sql: postgres.Sql;
let database: BillingDatabase;

beforeAll(async () => {
  platform = await startScratchPlatform();
  const url = await platform.createDatabase("lives", "revoked");
  await pushMigrations(url);
  sql = postgres(url, { max: 1, onnotice: () => {} });
  await sql`set synchronous_commit = off`;
  database = billingDatabase(sql);
}, 300_000);

afterAll(async () => {
  await sql?.end();
  await platform?.stop();
});

/** The months of the ledger within a time, each with its sum. */
function months({ ledger }: Outcome, from: string, before: string): string[] {
  return ledger
    .map((line) => line.split(" "))
    .filter(([kind]) => kind === "subscription")
    .map(([, , month, sum]) => `${month?.replace("T09:00:00", "")} ${sum}`)
    .filter((line) => line >= from && line < before)
    .sort();
}

function sumOf(outcome: Outcome, from: string, before: string): number {
  return months(outcome, from, before).reduce((sum, line) => sum + Number(line.split(" ")[1]), 0);
}

/** The values that premium had at the comparisons within a time. */
function premium(outcome: Outcome, from: string, before: string): boolean[] {
  const seen = outcome.premium.filter(({ at }) => at >= momentOf(from) && at < momentOf(before));
  return [...new Set(seen.map(({ isPremium }) => isPremium))];
}

const named: { [name: string]: { life: Life; check(outcome: Outcome): void } } = {
  "a year from 29 January": {
    life: lifeOf([["2027-01-29", buy("basic_yearly")]]),
    check: (outcome) =>
      expect(months(outcome, "2027-01", "2028-01-29")).toEqual([
        ...["2027-01-29 120", "2027-02-28 120", "2027-03-29 120", "2027-04-29 120"],
        ...["2027-05-29 120", "2027-06-29 120", "2027-07-29 120", "2027-08-29 120"],
        ...["2027-09-29 120", "2027-10-29 120", "2027-11-29 120", "2027-12-29 120"],
      ]),
  },
  "a year from 30 January": {
    life: lifeOf([["2027-01-30", buy("basic_yearly")]]),
    check: (outcome) =>
      expect(months(outcome, "2028-01", "2028-05")).toEqual([
        "2028-01-30 120",
        "2028-02-29 120",
        "2028-03-30 120",
        "2028-04-30 120",
      ]),
  },
  "a year from 31 August, across a leap day": {
    life: lifeOf([["2027-08-31", buy("basic_yearly")]]),
    check: (outcome) =>
      expect(months(outcome, "2027-08", "2028-08-31")).toEqual([
        ...["2027-08-31 120", "2027-09-30 120", "2027-10-31 120", "2027-11-30 120"],
        ...["2027-12-31 120", "2028-01-31 120", "2028-02-29 120", "2028-03-31 120"],
        ...["2028-04-30 120", "2028-05-31 120", "2028-06-30 120", "2028-07-31 120"],
      ]),
  },
  "two years from the leap day": {
    life: lifeOf([["2028-02-29", buy("basic_yearly")]]),
    check: (outcome) => {
      expect(months(outcome, "2028-02", "2029-02-28")).toHaveLength(12);
      expect(months(outcome, "2029-01", "2029-04")).toEqual([
        "2029-01-29 120",
        "2029-02-28 120",
        "2029-03-28 120",
      ]);
    },
  },
  "month by month from the 31st: one grant in each paid month, twelve in a year": {
    life: lifeOf([["2027-01-31", buy("basic_monthly")]]),
    check: (outcome) => {
      expect(months(outcome, "2027-01", "2028-01-31")).toHaveLength(12);
      expect(months(outcome, "2027-01", "2027-05")).toEqual([
        "2027-01-31 100",
        "2027-02-28 100",
        "2027-03-31 100",
        "2027-04-30 100",
      ]);
    },
  },
  "quarters from 30 November": {
    life: lifeOf([["2027-11-30", buy("basic_quarterly")]]),
    check: (outcome) =>
      expect(months(outcome, "2027-11", "2028-06")).toEqual([
        ...["2027-11-30 107", "2027-12-30 107", "2028-01-30 107"],
        ...["2028-02-29 107", "2028-03-29 107", "2028-04-29 107"],
        "2028-05-30 107",
      ]),
  },
  "a second before summer time begins in New York": {
    life: lifeOf([["2027-03-14T06:59:59", buy("basic_yearly")]]),
    check: (outcome) =>
      expect(months(outcome, "2027-03", "2027-06")).toEqual([
        "2027-03-14T06:59:59 120",
        "2027-04-14T06:59:59 120",
        "2027-05-14T06:59:59 120",
      ]),
  },
  "in the hour that Berlin's clocks repeat, at half past midnight in UTC": {
    life: lifeOf([["2027-10-31T00:30:00", buy("basic_yearly")]]),
    check: (outcome) =>
      expect(months(outcome, "2027-10", "2028-01")).toEqual([
        "2027-10-31T00:30:00 120",
        "2027-11-30T00:30:00 120",
        "2027-12-31T00:30:00 120",
      ]),
  },
  "in the evening of the 31st in New York, on the 1st in UTC": {
    life: lifeOf([["2027-02-01T03:00:00", buy("basic_yearly")]]),
    check: (outcome) =>
      expect(months(outcome, "2027-02", "2027-05")).toEqual([
        "2027-02-01T03:00:00 120",
        "2027-03-01T03:00:00 120",
        "2027-04-01T03:00:00 120",
      ]),
  },
  "three price rises: premium and credits as before": {
    life: lifeOf([["2027-01-10", buy("basic_monthly")]]),
    check: (outcome) => {
      expect(sumOf(outcome, "2027-01", "2030-01-10")).toBe(36 * 100);
      expect(premium(outcome, "2027-01-10", "2030-03-01")).toEqual([true]);
    },
  },
  "an upgrade within a year grants the difference, then twelve months in all": {
    life: lifeOf([
      ["2027-01-10", buy("basic_yearly")],
      ["2027-03-20", move("pro_yearly")],
    ]),
    check: (outcome) => expect(sumOf(outcome, "2027-01", "2028-01-10")).toBe(2 * 120 + 10 * 307),
  },
  "a downgrade within a year changes the next month": {
    life: lifeOf([
      ["2027-01-10", buy("pro_yearly")],
      ["2027-03-20", move("basic_yearly")],
    ]),
    check: (outcome) => expect(sumOf(outcome, "2027-01", "2028-01-10")).toBe(3 * 307 + 9 * 120),
  },
  "up, down and up again within a month": {
    life: lifeOf([
      ["2027-01-10", buy("basic_monthly")],
      ["2027-01-15", move("pro_monthly")],
      ["2027-01-20", move("basic_monthly")],
      ["2027-01-25", move("pro_monthly")],
    ]),
    check: (outcome) => expect(months(outcome, "2027-01", "2027-02")).toEqual(["2027-01-10 253"]),
  },
  "from monthly to yearly on day 26": {
    life: lifeOf([
      ["2027-01-10", buy("basic_monthly")],
      ["2027-02-05", move("basic_yearly")],
    ]),
    check: (outcome) => {
      expect(months(outcome, "2027-01", "2027-04")).toEqual([
        "2027-01-10 100",
        "2027-02-05 120",
        "2027-03-05 120",
      ]);
      expect(months(outcome, "2027-02-05", "2028-02-05")).toHaveLength(12);
    },
  },
  "a year that stays unpaid: no credits and no premium": {
    life: lifeOf([
      ["2027-01-10", buy("basic_yearly")],
      ["2027-06-01", cardFails],
    ]),
    check: (outcome) => {
      expect(months(outcome, "2028-01-10", "2031")).toEqual([]);
      expect(premium(outcome, "2028-01-20", "2030-03-01")).toEqual([false]);
    },
  },
  "a paid year that becomes unpaid by a change: no credits while it is": {
    life: lifeOf([
      ["2027-01-10", buy("basic_yearly")],
      ["2027-03-20", cardFails],
      ["2027-03-20T09:00:01", move("pro_yearly")],
    ]),
    check: (outcome) => expect(months(outcome, "2027-04-10", "2028-01-10")).toEqual([]),
  },
  "the invoice of a change fails and is paid a week later: the year goes on": {
    life: lifeOf([
      ["2027-01-10", buy("basic_yearly")],
      ["2027-03-20", cardFails],
      ["2027-03-20T09:00:01", move("pro_yearly")],
      ["2027-03-28", cardWorks],
    ]),
    check: (outcome) => {
      expect(sumOf(outcome, "2027-01", "2028-01-10")).toBe(2 * 120 + 10 * 307);
      expect(premium(outcome, "2027-01-10", "2028-01-10")).toEqual([true]);
    },
  },
  "three renewals whose events were lost, then a reconciliation": {
    life: lifeOf([
      ["2027-01-10", buy("basic_monthly")],
      ["2027-02-01", outageOf(90)],
      ["2027-05-05", reconcile],
    ]),
    check: (outcome) => expect(sumOf(outcome, "2027-01", "2028-01-10")).toBe(12 * 100),
  },
  "forty days of outage over a cancellation and a new start": {
    life: lifeOf([
      ["2027-01-10", buy("basic_yearly")],
      ["2027-03-01", outageOf(40)],
      ["2027-03-05", cancelNow],
      ["2027-03-06", buy("pro_monthly")],
      ["2027-04-12", reconcile],
    ]),
    check: (outcome) =>
      expect(months(outcome, "2027-03-06", "2027-05")).toEqual([
        "2027-03-06 253",
        // Granted while the cancellation of the year was not known yet.
        "2027-03-10 120",
        "2027-04-06 253",
        "2027-04-10 120",
      ]),
  },
  "PayPal: cancelled after the payment, premium until the paid end": {
    life: lifeOf([
      ["2027-01-10", buy("basic_monthly", { provider: "paypal" })],
      ["2027-01-20", cancelAtEnd],
    ]),
    check: (outcome) => {
      expect(months(outcome, "2027", "2031")).toEqual(["2027-01-10 100"]);
      expect(premium(outcome, "2027-02-10T09:00:01", "2030-03-01")).toEqual([false]);
    },
  },
  "PayPal: a year cancelled and refunded in full ends at once": {
    life: lifeOf([
      ["2027-01-10", buy("basic_yearly", { provider: "paypal" })],
      ["2027-02-20", cancelAtEnd],
      ["2027-02-21", refund("subscription", 1)],
    ]),
    check: (outcome) => {
      expect(months(outcome, "2027", "2031")).toEqual(["2027-01-10 120", "2027-02-10 120"]);
      expect(premium(outcome, "2027-02-22", "2030-03-01")).toEqual([false]);
    },
  },
  "a partial refund changes nothing": {
    life: lifeOf([
      ["2027-01-10", buy("basic_yearly")],
      ["2027-02-20", refund("subscription", 0.5)],
    ]),
    check: (outcome) => expect(months(outcome, "2027", "2028-01-10")).toHaveLength(12),
  },
  "a year that is refunded in full grants no further month, and the next one does": {
    life: lifeOf([
      ["2027-01-10", buy("basic_yearly")],
      ["2027-02-20", refund("subscription", 1)],
    ]),
    check: (outcome) => {
      expect(months(outcome, "2027", "2028-01-10")).toHaveLength(2);
      expect(months(outcome, "2028-01-10", "2029-01-10")).toHaveLength(12);
    },
  },
  "a year that is paid forty days late during an outage: the month that began unpaid grants nothing":
    {
      life: lifeOf([
        ["2027-01-10", buy("basic_yearly")],
        ["2027-12-01", cardFails],
        ["2028-01-12", outageOf(40)],
        ["2028-02-20", cardWorks],
        ["2028-02-25", reconcile],
      ]),
      check: (outcome) =>
        expect(months(outcome, "2028", "2028-05")).toEqual([
          "2028-01-10 120",
          "2028-03-10 120",
          "2028-04-10 120",
        ]),
    },
  "a lost dispute ends premium and months": {
    life: lifeOf([
      ["2027-01-10", buy("basic_yearly")],
      ["2027-02-20", dispute],
      ["2027-03-20", loseDisputes],
    ]),
    check: (outcome) => {
      expect(months(outcome, "2027", "2031")).toHaveLength(3);
      expect(premium(outcome, "2027-03-21", "2030-03-01")).toEqual([false]);
    },
  },
  "the operator revokes and reinstates": {
    life: lifeOf([
      ["2027-01-10", buy("basic_yearly")],
      ["2027-02-20", { do: "revoke" }],
      ["2027-05-20", { do: "reinstate" }],
    ]),
    check: (outcome) => {
      expect(months(outcome, "2027-02-21", "2027-05-20")).toEqual([]);
      expect(months(outcome, "2027-06", "2028-01-10")).toHaveLength(7);
    },
  },
  "a trial grants nothing, and ends exactly when it is cancelled": {
    life: lifeOf([
      ["2027-01-10", buy("basic_monthly", { trialDays: 14 })],
      ["2027-01-12", cancelAtEnd],
    ]),
    check: (outcome) => {
      expect(months(outcome, "2027", "2031")).toEqual([]);
      expect(premium(outcome, "2027-01-24T09:00:01", "2030-03-01")).toEqual([false]);
    },
  },
  "a discount of 100 % counts as paid": {
    life: lifeOf([["2027-01-10", buy("basic_monthly", { discount: 100 })]]),
    check: (outcome) => expect(sumOf(outcome, "2027-01", "2028-01-10")).toBe(12 * 100),
  },
  "a pack that was spent and refunded in two parts": {
    life: lifeOf([
      ["2027-01-10", { do: "buy pack", paid: true }],
      ["2027-02-10", refund("pack", 0.3)],
      ["2027-03-10", { do: "spend", amount: 100 }],
      ["2027-04-10", refund("pack", 1)],
    ]),
    // 45 of 150, then the 10 that are left of 105.
    check: (outcome) =>
      expect(outcome.ledger).toEqual(["opening 5", "purchase 150", "reversal -55"]),
  },
  "an account deleted in Studio while a subscription runs": {
    life: lifeOf([
      ["2027-01-10", buy("basic_monthly")],
      ["2027-02-20", { do: "delete", how: "studio" }],
    ]),
    check: (outcome) => expect(outcome.ledger).toEqual([]),
  },
  "an account deleted when its cancelled subscription was refunded, but goes on at Stripe": {
    life: lifeOf([
      ["2027-01-10", buy("basic_yearly")],
      ["2027-02-10", cancelAtEnd],
      ["2027-02-11", refund("subscription", 1)],
      ["2027-02-20", { do: "delete", how: "function" }],
    ]),
    check: (outcome) => expect(outcome.ledger).toEqual([]),
  },
  "every event twice, late and out of order": {
    life: lifeOf(
      [
        ["2027-01-31", buy("basic_monthly")],
        ["2027-03-20", move("pro_yearly")],
        ["2027-08-21", move("basic_yearly")],
      ],
      { channel: { ...promptly, doubled: 1, lateDays: 10, slow: 0.5 } },
    ),
    check: (outcome) => expect(sumOf(outcome, "2027-03-20", "2028-03-20")).toBe(6 * 307 + 6 * 120),
  },
};

describe.each(["America/New_York", "Europe/Berlin"])("with the database in %s", (zone) => {
  let outcomes: Outcome[];

  beforeAll(async () => {
    await sql`select set_config('timezone', ${zone}, false)`;
    outcomes = await play(
      database,
      Object.values(named).map(({ life }) => life),
    );
  }, 300_000);

  it.each(Object.keys(named))("%s", (name) => {
    const outcome = outcomes[Object.keys(named).indexOf(name)];
    expect(outcome?.differences).toEqual([]);
    if (outcome !== undefined) named[name]?.check(outcome);
  });
});

describe("a subscription that a buyer creates at PayPal without us", () => {
  const now = momentOf("2027-05-01");

  /** Records an event about a paid year at PayPal; gives the outcome for two users. */
  const recordPaidYear = async (changes: { [key: string]: Json }, ours: boolean) => {
    await database.offerPrices(0);
    const [userId = "", otherId = ""] = await database.createUsers(2);
    const provider = simulateProvider({ name: userId, dunning: "unpaid" });
    provider.advance(now);
    const price = priceOf("pro_yearly", "paypal", now);
    const subscription = provider.subscribe(price, { trialDays: 0, discount: 0 });
    const [hint] = provider.hints;
    if (subscription === null || hint === undefined) throw new Error("Nothing was bought.");
    if (ours)
      await database.expectPayPal(userId, { id: subscription.id, priceId: price.id, at: now });
    const snapshot = { ...snapshotOf(subscription, now, ours ? userId : otherId), ...changes };
    const event = { ...hint, provider: "paypal" as const };
    const number = await database.lastReadNumber();
    const status = await database.record(event, { kind: "subscription", snapshot }, number, now);
    const accounts = await database.accounts([userId, otherId]);
    await database.deleteUsers([userId, otherId]);
    const premium = [...accounts.values()].filter(({ premiumUntil }) => premiumUntil !== null);
    const credits = [...accounts.values()].reduce((sum, account) => sum + account.credits, 0);
    return { status, premium: premium.length, credits };
  };

  it("entitles if our checkout has created it", async () => {
    expect(await recordPaidYear({}, true)).toEqual({
      status: "processed",
      premium: 1,
      credits: 5 + 5 + 307,
    });
  });

  it("does not entitle with our plan and another user's id, and does not change that user", async () => {
    const { status, ...accounts } = await recordPaidYear({}, false);
    expect(status).toMatch(/^ignored/);
    expect(accounts).toEqual({ premium: 0, credits: 5 + 5 });
  });

  it.each([
    ["an overridden plan", { plan_overridden: true }],
    ["a start in ten years", { started_at: "2037-05-01T09:00:00Z" }],
    ["another plan", { items: [{ price_id: "P_basic_monthly_0", start: null, end: null }] }],
    [
      "no payment",
      { payments: [], items: [{ price_id: "P_pro_yearly_0", start: null, end: null }] },
    ],
  ])("does not entitle with %s, even if our checkout has created it", async (_, changes) => {
    const { premium, credits } = await recordPaidYear(changes, true);
    expect({ premium, credits }).toEqual({ premium: 0, credits: 5 + 5 });
  });
});

it("the scheduled job grants many due months in batches, each in its own transaction", async () => {
  const started = Date.now() - 40 * day;
  await database.offerPrices(0);
  const userIds = await database.createUsers(230);
  const snapshots = userIds.map((userId) => {
    const provider = simulateProvider({ name: userId, dunning: "unpaid" });
    provider.advance(started);
    const price = priceOf("basic_yearly", "stripe", started);
    const subscription = provider.subscribe(price, { trialDays: 0, discount: 0 });
    if (subscription === null) throw new Error("Nothing was bought.");
    return snapshotOf(subscription, started, userId);
  });
  await database.applyRead(snapshots, [], await database.lastReadNumber(), started);
  const schedule = await readFile("supabase/schemas/sweep/data/sweep_schedule.sql", "utf8");
  await sql.unsafe(/\$job\$([\s\S]*?)\$job\$/.exec(schedule)?.[1] ?? "");
  const [granted] = await sql`
    select count(*)::integer as months, count(distinct xmin::text)::integer as transactions
    from private.granted_months
    where month_start > now() - interval '20 days'`;
  await database.deleteUsers(userIds);
  expect(granted).toEqual({ months: 230, transactions: 12 });
});

it("300 random lives end with the reference's premium, credits and ledger", async () => {
  // The seed gives the same lives in every run; npm run billing:lives plays others.
  const seed = 77;
  const { failures } = await runLives(database, { count: 300, seed });
  expect(failures.slice(0, 1), `seed ${seed}, ${failures.length} lives differ`).toEqual([]);
}, 600_000);
