import type { Moment } from "../billing-reference/calendar.ts";
import { creditsTakenBack, grantedMonths } from "../billing-reference/credits.ts";
import { premiumUntil } from "../billing-reference/entitlement.ts";
import type { Interruption, PackPurchase, Subscription } from "../billing-reference/truth.ts";

export type Expectation = ReturnType<typeof createExpectation>;

export const openingCredits = 5;

interface Heard {
  truth: Subscription;
  number: number;
}

/**
 * What the database must hold of one customer, by the reference and by what it has been told so far. A
 * month that was granted before bad news arrived is never taken back: the contract says so of refunds,
 * and nothing else could be known.
 */
export function createExpectation() {
  const heard = new Map<string, Heard>();
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

  /** Grants what is due by the time, as a sweep does. */
  const settle = (id: string, now: Moment) => {
    const known = heard.get(id);
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
    for (const id of heard.keys()) {
      settle(id, now);
    }
  };

  /** An unpaid subscription is heard of; it lapses until the payment that recovers it. */
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

  /** A read was applied. One that a later read has overtaken says nothing new. */
  const hear = (truth: Subscription, number: number, lastSweep: Moment, now: Moment) => {
    const before = heard.get(truth.id);
    if (before !== undefined && before.number > number) {
      return;
    }
    settle(truth.id, lastSweep);
    heard.set(truth.id, { truth, number });
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

  const hearPack = (pack: PackPurchase) => {
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
    ...{ heard, months, packs, settleAll, hear, hearPack, revoke, reinstate, isRevoked, spend },
    balance: () => balance,
    premiumUntil: () =>
      premiumUntil(
        [...heard.values()].map(({ truth }) => ({
          subscription: truth,
          revocations: revocationsOf(truth.id),
        })),
      ),
    /** What the whole truth grants, for lives whose news all came at once. */
    withoutDelay: (subscriptions: readonly Subscription[], now: Moment) =>
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
