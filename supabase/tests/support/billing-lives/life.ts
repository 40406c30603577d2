import fc from "fast-check";
import { day, hour, type Moment } from "../billing-reference/calendar.ts";
import { type PlanType, plans } from "./catalog.ts";

/** Something that happens in a life, done by the customer, the provider, the operator or the network. */
export type Act =
  | { do: "subscribe"; plan: PlanType; discount: number; trialDays: number; provider: ProviderName }
  | { do: "change"; plan: PlanType; atPeriodEnd: boolean }
  | { do: "cancel"; when: "now" | "soon" | "end" }
  | { do: "resume" }
  | { do: "card"; works: boolean }
  | { do: "buy pack"; paid: boolean }
  | { do: "pay packs" }
  | { do: "refund"; of: "subscription" | "pack"; nth: number; share: number }
  | { do: "dispute"; of: "subscription" | "pack"; nth: number }
  | { do: "close disputes"; status: "won" | "lost" }
  | { do: "spend"; amount: number }
  | { do: "revoke" }
  | { do: "reinstate" }
  | { do: "delete"; how: "function" | "studio" }
  | { do: "outage"; days: number }
  | { do: "reconcile" };

type ProviderName = "stripe" | "paypal";

/** How events are delivered. Probabilities are between 0 and 1. */
export interface Channel {
  seed: number;
  lost: number;
  doubled: number;
  /** The longest delay of an event, in days. */
  lateDays: number;
  /** The probability that a read is applied long after it was made, when later reads already are. */
  slow: number;
}

export interface Life {
  start: Moment;
  dunning: "unpaid" | "canceled";
  channel: Channel;
  steps: { wait: Moment; act: Act }[];
}

/** All lives are played at the same time for three years; each begins within the first three months. */
export const firstDay = Date.parse("2027-01-01T00:00:00Z");
export const lastDay = Date.parse("2030-03-31T00:00:00Z");

const plan = fc.constantFrom(...plans.map(({ planType }) => planType));
const share = fc.constantFrom(0.3, 0.5, 1, 1);
const nth = fc.constantFrom(0, 0, 0, 1, 3);
const paidFor = fc.constantFrom("subscription" as const, "subscription" as const, "pack" as const);

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("subscribe" as const),
      plan,
      discount: fc.constantFrom(0, 0, 30, 100),
      trialDays: fc.constantFrom(0, 0, 7, 14),
      provider: fc.constantFrom("stripe" as const, "stripe" as const, "paypal" as const),
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({ do: fc.constant("change" as const), plan, atPeriodEnd: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("cancel" as const),
      when: fc.constantFrom("now" as const, "soon" as const, "end" as const, "end" as const),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Act>({ do: "resume" }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("card" as const),
      works: fc.constantFrom(true, true, false),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("buy pack" as const), paid: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.constant<Act>({ do: "pay packs" }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("refund" as const), of: paidFor, nth, share }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("dispute" as const), of: paidFor, nth }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("close disputes" as const),
      status: fc.constantFrom("won" as const, "lost" as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("spend" as const),
      amount: fc.integer({ min: 1, max: 300 }),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom<Act>({ do: "revoke" }, { do: "reinstate" }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("outage" as const),
      days: fc.integer({ min: 1, max: 100 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Act>({ do: "reconcile" }) },
);

/** Seconds of the day, often just before or after midnight in UTC or in another time zone. */
const timeOfDay = fc.oneof(
  fc.integer({ min: 0, max: day / 1_000 - 1 }),
  fc.constantFrom(0, 1, 86_399, 5 * 3_600, 23 * 3_600 + 1),
);

const wait = fc
  .tuple(
    fc.oneof(
      { weight: 3, arbitrary: fc.integer({ min: 0, max: 6 }) },
      { weight: 5, arbitrary: fc.integer({ min: 5, max: 45 }) },
      { weight: 2, arbitrary: fc.integer({ min: 30, max: 200 }) },
    ),
    fc.integer({ min: 0, max: 86_399 }),
  )
  .map(([days, seconds]) => days * day + seconds * 1_000);

/** Days to begin on, often the last of a month: counting months from there is difficult. */
const dayOfStart = fc.oneof(
  fc.integer({ min: 0, max: 89 }),
  fc.constantFrom(27, 28, 29, 30, 58, 86, 87, 88, 89),
);

const channel: fc.Arbitrary<Channel> = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 31 }),
  lost: fc.constantFrom(0, 0, 0.1, 0.4),
  doubled: fc.constantFrom(0, 0.2, 0.5),
  lateDays: fc.constantFrom(0, 0, 0.1, 2, 10),
  slow: fc.constantFrom(0, 0, 0.2),
});

const first: fc.Arbitrary<Act> = fc.record({
  do: fc.constant("subscribe" as const),
  plan,
  discount: fc.constantFrom(0, 0, 0, 30, 100),
  trialDays: fc.constantFrom(0, 0, 0, 7, 14),
  provider: fc.constantFrom(
    "stripe" as const,
    "stripe" as const,
    "stripe" as const,
    "paypal" as const,
  ),
});

const last: fc.Arbitrary<Act[]> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Act[]>([]) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Act[]>(
      [{ do: "delete", how: "function" }],
      [{ do: "delete", how: "studio" }],
    ),
  },
);

/** A random life of a customer over three years. */
export const lives: fc.Arbitrary<Life> = fc
  .record({
    begin: fc.tuple(dayOfStart, timeOfDay),
    dunning: fc.constantFrom("unpaid" as const, "canceled" as const),
    channel,
    first,
    steps: fc.array(fc.record({ wait, act }), { maxLength: 28, size: "max" }),
    last,
  })
  .map(({ begin: [startDay, seconds], first: subscribe, steps, last: ending, ...rest }) => ({
    ...rest,
    start: firstDay + startDay * day + seconds * 1_000,
    steps: [
      { wait: 0, act: subscribe },
      ...steps,
      ...ending.map((each) => ({ wait: 3 * hour, act: each })),
    ],
  }));
