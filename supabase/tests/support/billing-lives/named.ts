import type { Moment } from "../billing-reference/calendar.ts";
import type { PlanType } from "./catalog.ts";
import type { Act, Channel, Life } from "./life.ts";

/** A channel that delivers every event within half a minute. */
export const promptly: Channel = { seed: 1, lost: 0, doubled: 0, lateDays: 0, slow: 0 };

/** A life from a list of acts, each with its date; a date without a time means nine o'clock UTC. */
export function lifeOf(acts: [date: string, act: Act][], settings: Partial<Life> = {}): Life {
  const moments = acts.map(([date]) => momentOf(date));
  const start = moments[0] ?? 0;
  return {
    ...{ start, dunning: "unpaid", channel: promptly, ...settings },
    steps: acts.map(([, act], index) => ({
      wait: (moments[index] ?? 0) - (moments[index - 1] ?? start),
      act,
    })),
  };
}

export function momentOf(date: string): Moment {
  return Date.parse(date.includes("T") ? `${date}Z` : `${date}T09:00:00Z`);
}

export function buy(plan: PlanType, options: Partial<Extract<Act, { do: "subscribe" }>> = {}): Act {
  return { do: "subscribe", plan, discount: 0, trialDays: 0, provider: "stripe", ...options };
}

export function move(plan: PlanType, atPeriodEnd = false): Act {
  return { do: "change", plan, atPeriodEnd };
}

export const cancelNow: Act = { do: "cancel", when: "now" };
export const cancelAtEnd: Act = { do: "cancel", when: "end" };
export const cardFails: Act = { do: "card", works: false };
export const cardWorks: Act = { do: "card", works: true };
export const reconcile: Act = { do: "reconcile" };

export function refund(of: "subscription" | "pack", share: number): Act {
  return { do: "refund", of, nth: 0, share };
}

export const dispute: Act = { do: "dispute", of: "subscription", nth: 0 };
export const loseDisputes: Act = { do: "close disputes", status: "lost" };
export const outageOf = (days: number): Act => ({ do: "outage", days });
