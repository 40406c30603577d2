import type { Moment } from "../billing-reference/calendar.ts";
import { creditsTakenBack, grantedMonths } from "../billing-reference/credits.ts";
import { premiumUntil } from "../billing-reference/entitlement.ts";
import type { Interruption, PackPurchase, Subscription } from "../billing-reference/truth.ts";

export type Expectation = ReturnType<typeof createExpectation>;

export const openingCredits = 5;

/** A state of a subscription that the database has read, and the number of that read. */
interface Read {
  truth: Subscription;
  number: number;
}

/**
 * What the database must contain about one customer: computed by the reference from what the database has read so far. A
 * month that was granted before a refund or an end became known is never taken back, as the contract says.
 */
export function createExpectation() {
  const lastReads = new Map<string, Read>();
  const revocations = new Map<string, Interruption[]>();
  const lapses = new Map<string, Interruption[]>();
  const lostDisputes = new Set<string>();
  const months = new Map<string, Map<Moment, number>>();
  const packs = new Map<string, { granted: number; target: number; taken: number }>();
  let balance = openingCredits;

  const listOf = (lists: Map<string, Interruption[]>, id: string) => {
    const list = lists.get(id) ?? [];
    lists.set(id, list);
    return list;
  };
  const revocationsOf = (id: string) => listOf(revocations, id);
  const interruptionsOf = (id: string) => [...revocationsOf(id), ...listOf(lapses, id)];

  /** Grants the months that are due by a moment, as a sweep does. */
  const settle = (id: string, now: Moment) => {
    const known = lastReads.get(id);
    if (known === undefined) {
      return;
    }
    const granted = months.get(id) ?? new Map<Moment, number>();
    months.set(id, granted);
    for (const { start, credits } of grantedMonths(known.truth, interruptionsOf(id), now)) {
      const before = granted.get(start) ?? 0;
      if (credits > before) {
        granted.set(start, credits);
        balance += credits - before;
      }
    }
  };

  const settleAll = (now: Moment) => {
    for (const id of lastReads.keys()) {
      settle(id, now);
    }
  };

  /** Notes that a subscription lapses from the moment its status is read as unpaid, until it is paid again. */
  const noteLapse = ({ id, status, invoices }: Subscription, now: Moment) => {
    const list = listOf(lapses, id);
    const open = list.find(({ to }) => to === null);
    if (status === "unpaid" && open === undefined) {
      list.push({ why: "unpaid", from: now, to: null });
    } else if (status !== "unpaid" && open !== undefined) {
      const paid = invoices.flatMap(({ paidAt }) => (paidAt === null ? [] : [paidAt]));
      open.to = Math.max(...paid.filter((at) => at > open.from), 0) || now;
    }
  };

  /** Applies a read of a subscription, unless a later read was applied before. */
  const applyRead = (truth: Subscription, number: number, lastSweep: Moment, now: Moment) => {
    const before = lastReads.get(truth.id);
    if (before !== undefined && before.number > number) {
      return;
    }
    settle(truth.id, lastSweep);
    lastReads.set(truth.id, { truth, number });
    noteLapse(truth, now);
    for (const { disputes } of truth.invoices) {
      for (const { id } of disputes.filter(({ status }) => status === "lost")) {
        if (!lostDisputes.has(id)) {
          lostDisputes.add(id);
          revoke(truth.id, now);
        }
      }
    }
    settle(truth.id, now);
  };

  /** Applies a read of a pack: its credits once, and what refunds and lost disputes take back of them. */
  const applyPack = (pack: PackPurchase) => {
    if (pack.paidAt === null) {
      return;
    }
    const state = packs.get(pack.id) ?? { granted: 0, target: 0, taken: 0 };
    packs.set(pack.id, state);
    balance += pack.credits - state.granted;
    state.granted = pack.credits;
    const target = creditsTakenBack(pack);
    const take = Math.min(balance, Math.max(0, target - state.target));
    state.target = Math.max(state.target, target);
    state.taken += take;
    balance -= take;
  };

  const isRevoked = (id: string) => revocationsOf(id).some(({ to }) => to === null);

  const revoke = (id: string, now: Moment) => {
    if (!isRevoked(id)) {
      revocationsOf(id).push({ why: "revoked", from: now, to: null });
    }
  };

  const reinstate = (id: string, now: Moment) => {
    for (const revocation of revocationsOf(id).filter(({ to }) => to === null)) {
      revocation.to = now;
    }
    settle(id, now);
  };

  const spend = (amount: number) => {
    balance -= amount;
  };

  return {
    ...{ lastReads, months, packs, settleAll, applyRead, applyPack },
    ...{ revoke, reinstate, isRevoked, spend },
    balance: () => balance,
    premiumUntil: () =>
      premiumUntil(
        [...lastReads.values()].map(({ truth }) => ({
          subscription: truth,
          revocations: revocationsOf(truth.id),
        })),
      ),
    /** The months that the reference grants when every change is known at once. */
    monthsWithoutDelay: (subscriptions: readonly Subscription[], now: Moment) =>
      new Map(
        subscriptions.map((truth) => [
          truth.id,
          new Map(
            grantedMonths(truth, interruptionsOf(truth.id), now).map(({ start, credits }) => [
              start,
              credits,
            ]),
          ),
        ]),
      ),
  };
}
