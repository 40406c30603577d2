import { describe, expect, it } from "vitest";
import { addMonths, day } from "../support/billing-reference/calendar.ts";
import { creditsTakenBack, grantedMonths } from "../support/billing-reference/credits.ts";
import { entitledUntil, premiumUntil } from "../support/billing-reference/entitlement.ts";
import type {
  Invoice,
  PackPurchase,
  Price,
  Subscription,
} from "../support/billing-reference/truth.ts";

const at = (text: string) => Date.parse(text.includes("T") ? text : `${text}T09:00:00Z`);
const dates = (moments: { start: number }[]) =>
  moments.map(({ start }) => new Date(start).toISOString().slice(0, 10));

const price = (planType: string, monthlyCredits: number, months: number): Price => ({
  id: `price_${planType}`,
  provider: "stripe",
  plan: { planType, monthlyCredits },
  amount: 900 * months,
  months,
});
const monthly = price("basic_monthly", 100, 1);
const proMonthly = price("pro_monthly", 250, 1);
const yearly = price("basic_yearly", 120, 12);
const proYearly = price("pro_yearly", 300, 12);

const invoice = (of: Price, start: number, more: Partial<Invoice> = {}): Invoice => ({
  id: `in_${start}_${of.id}`,
  price: of,
  created: start,
  kind: "period",
  start,
  end: addMonths(start, of.months),
  paidAt: start,
  amount: of.amount,
  refunds: [],
  disputes: [],
  ...more,
});

const subscription = (
  of: Price,
  start: number,
  more: Partial<Subscription> = {},
): Subscription => ({
  id: "sub",
  provider: "stripe",
  customer: "cus",
  created: start,
  status: "active",
  moves: [{ at: start, price: of }],
  period: { start, end: addMonths(start, of.months) },
  invoices: [invoice(of, start)],
  trialEnd: null,
  cancelAt: null,
  endedAt: null,
  ...more,
});

const credits = (of: Subscription, now: number) =>
  grantedMonths(of, [], now).reduce((sum, month) => sum + month.credits, 0);

describe("the reference's calendar", () => {
  it("clamps to the month's end and returns to the day of the start", () => {
    const months = [1, 2, 3, 13].map((count) => addMonths(at("2027-01-31"), count));
    expect(dates(months.map((start) => ({ start })))).toEqual([
      "2027-02-28",
      "2027-03-31",
      "2027-04-30",
      "2028-02-29",
    ]);
  });

  it("keeps the time of day in UTC", () => {
    const start = at("2027-02-28T23:59:59.500Z");
    expect(new Date(addMonths(start, 1)).toISOString()).toBe("2027-03-28T23:59:59.500Z");
  });
});

describe("the reference's entitlement", () => {
  const start = at("2027-01-10");
  const end = addMonths(start, 1);

  it("is the period and three days, exactly the end when scheduled", () => {
    const running = subscription(monthly, start);
    expect(entitledUntil(running, [])).toBe(end + 3 * day);
    expect(entitledUntil({ ...running, cancelAt: end }, [])).toBe(end);
  });

  it("gives a failed renewal seven days from its period's start", () => {
    const renewal = { start: end, end: addMonths(start, 2) };
    const failed = subscription(monthly, start, { status: "past_due", period: renewal });
    expect(entitledUntil(failed, [])).toBe(end + 7 * day);
    expect(entitledUntil({ ...failed, status: "unpaid" }, [])).toBeNull();
  });

  it("keeps a paid year when the invoice of a change fails", () => {
    const year = subscription(yearly, start, { status: "past_due" });
    expect(entitledUntil(year, [])).toBe(addMonths(start, 12));
  });

  it("ends at once when revoked, and a cancelled one when refunded in full", () => {
    const running = subscription(monthly, start);
    expect(entitledUntil(running, [{ why: "revoked", from: start, to: null }])).toBeNull();
    expect(entitledUntil(running, [{ why: "revoked", from: start, to: start + day }])).toBe(
      end + 3 * day,
    );
    const refunds = [{ id: "re", at: start + day, amount: 900 }];
    const refunded = { ...running, invoices: [invoice(monthly, start, { refunds })] };
    expect(entitledUntil(refunded, [])).toBe(end + 3 * day);
    expect(entitledUntil({ ...refunded, cancelAt: end }, [])).toBe(start + day);
  });

  it("is nothing at PayPal before a payment, and what was paid for after a cancellation", () => {
    const paid = subscription(monthly, start, {
      provider: "paypal",
      status: "canceled",
      endedAt: start + day,
    });
    expect(entitledUntil(paid, [])).toBe(end);
    expect(entitledUntil({ ...paid, status: "active", invoices: [] }, [])).toBeNull();
  });

  it("is the latest of all subscriptions", () => {
    const one = subscription(monthly, start);
    const other = subscription(yearly, start);
    const all = [one, other].map((each) => ({ subscription: each, revocations: [] }));
    expect(premiumUntil(all)).toBe(addMonths(start, 12) + 3 * day);
  });
});

describe("the reference's months", () => {
  it("grants twelve in a year that began on the 31st, clamped and counted from the start", () => {
    const start = at("2027-08-31");
    expect(dates(grantedMonths(subscription(yearly, start), [], at("2028-08-30")))).toEqual([
      ...["2027-08-31", "2027-09-30", "2027-10-31", "2027-11-30", "2027-12-31", "2028-01-31"],
      ...["2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31", "2028-06-30", "2028-07-31"],
    ]);
  });

  it("grants the difference on a move upwards, the next month's on a move downwards", () => {
    const start = at("2027-01-10");
    const change = at("2027-03-20");
    const up = subscription(yearly, start);
    up.moves.push({ at: change, price: proYearly });
    expect(credits(up, change - 1)).toBe(3 * 120);
    expect(credits(up, change)).toBe(2 * 120 + 300);
    expect(credits(up, at("2027-04-10"))).toBe(2 * 120 + 2 * 300);

    const down = subscription(proYearly, start);
    down.moves.push({ at: change, price: yearly });
    expect(credits(down, change)).toBe(3 * 300);
    expect(credits(down, at("2027-04-10"))).toBe(3 * 300 + 120);
  });

  it("never grants more in a month than the richest plan held in it", () => {
    const start = at("2027-01-10");
    const restless = subscription(monthly, start);
    for (const [index, of] of [proMonthly, monthly, proMonthly].entries()) {
      restless.moves.push({ at: start + (index + 1) * day, price: of });
    }
    expect(credits(restless, start + 20 * day)).toBe(250);
  });

  it("begins a new period with months of its own when the interval changes", () => {
    const start = at("2027-01-10");
    const change = at("2027-02-05");
    const switched = subscription(monthly, start);
    switched.invoices.push(invoice(yearly, change));
    switched.moves.push({ at: change, price: yearly });
    expect(dates(grantedMonths(switched, [], at("2027-03-06")))).toEqual([
      "2027-01-10",
      "2027-02-05",
      "2027-03-05",
    ]);
  });

  it("grants nothing for a trial, and a month for a discount of 100 %", () => {
    const start = at("2027-01-10");
    const zero = { amount: 0 };
    const free = subscription(monthly, start, { invoices: [invoice(monthly, start, zero)] });
    const trial = invoice(monthly, start, { ...zero, kind: "trial" });
    expect(credits(free, start)).toBe(100);
    expect(credits({ ...free, invoices: [trial] }, start)).toBe(0);
  });

  it("grants no month that begins after a full refund, the end, or while revoked", () => {
    const start = at("2027-01-10");
    const later = at("2027-03-15");
    const now = at("2027-12-20");
    const refunds = [{ id: "re", at: later, amount: yearly.amount }];
    const year = subscription(yearly, start);
    expect(credits({ ...year, invoices: [invoice(yearly, start, { refunds })] }, now)).toBe(360);
    expect(credits({ ...year, status: "canceled", endedAt: later }, now)).toBe(360);
    const revoked = [{ why: "revoked" as const, from: later, to: at("2027-06-01") }];
    expect(grantedMonths(year, revoked, now)).toHaveLength(10);
  });

  it("grants no month of a year that began unpaid after the grace", () => {
    const start = at("2027-01-10");
    const late = subscription(yearly, start, {
      invoices: [invoice(yearly, start, { paidAt: at("2027-02-20") })],
    });
    expect(dates(grantedMonths(late, [], at("2027-03-11")))).toEqual(["2027-01-10", "2027-03-10"]);
  });
});

describe("the reference's packs", () => {
  it("takes back the refunded share once, at most everything", () => {
    const pack: PackPurchase = {
      id: "cs",
      customer: "cus",
      credits: 100,
      amount: 900,
      paidAt: 0,
      refunds: [{ id: "re", at: 1, amount: 300 }],
      disputes: [],
    };
    expect(creditsTakenBack(pack)).toBe(33);
    const lost = { id: "dp", at: 2, amount: 900, status: "lost" as const };
    expect(creditsTakenBack({ ...pack, disputes: [lost] })).toBe(100);
    expect(creditsTakenBack({ ...pack, disputes: [{ ...lost, status: "won" }] })).toBe(33);
  });
});
