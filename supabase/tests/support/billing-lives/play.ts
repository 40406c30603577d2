import { day, type Moment } from "../billing-reference/calendar.ts";
import { overviewOf } from "../billing-reference/overview.ts";
import type { Charge, Invoice, Subscription } from "../billing-reference/truth.ts";
import { pack, priceOf, priceRises } from "./catalog.ts";
import { type Delivery, deliveriesOf } from "./channel.ts";
import type { BillingDatabase } from "./database.ts";
import { createExpectation, type Expectation, openingCredits } from "./expectation.ts";
import { type Act, firstDay, type Life, lastDay } from "./life.ts";
import {
  type Hint,
  type ProviderSubscription,
  type SimulatedProvider,
  simulateProvider,
} from "./provider.ts";
import { purchaseOf, snapshotOf } from "./snapshot.ts";

/** The outcome of a life. `differences` is empty if the database agrees with the reference. */
export interface Outcome {
  life: Life;
  differences: string[];
  /** The database's ledger as lines of kind, subscription and month (if there is one), and sum. */
  ledger: string[];
  /** Whether the customer was premium in the database, at each comparison. */
  premium: { at: Moment; isPremium: boolean }[];
  /** Months that were granted because a refund or an end became known late. */
  grantedUnaware: number;
}

interface Read {
  at: Moment;
  apply(): Promise<void>;
}

interface Playing {
  life: Life;
  userId: string;
  provider: SimulatedProvider;
  expectation: Expectation;
  /** The acts that are still to come. */
  acts: { at: Moment; act: Act }[];
  deliveries: Delivery[];
  reads: Read[];
  packReads: Read[];
  /** PayPal subscriptions that are not recorded as ours in the database yet. */
  ordered: { id: string; priceId: string; at: Moment }[];
  /** How many hints were passed to the channel. */
  sentHints: number;
  /** Nothing happens in this life before. */
  idleUntil: Moment;
  outageUntil: Moment;
  deleted: boolean;
  differences: string[];
  premium: Outcome["premium"];
}

/** Days from one sweep to the next, repeated, so that what is due waits for hours or for days. */
const sweepDays = [1, 2, 5, 9, 3];

/** Credits are compared once in this many sweeps, premium after each. */
const checkEvery = 10;

/** Plays all lives at the same time against one database, from sweep to sweep, and compares it with the reference. */
export async function play(database: BillingDatabase, lives: readonly Life[]): Promise<Outcome[]> {
  await database.offerPrices(0);
  const userIds = await database.createUsers(lives.length);
  const all = lives.map((life, index) => startLife(life, index, userIds[index] ?? ""));
  let readNumber = await database.lastReadNumber();
  const stage: Stage = { database, draw: () => ++readNumber, lastSweep: firstDay, now: firstDay };

  for (const [index, moment] of sweepMoments().entries()) {
    stage.now = moment;
    await raisePrices(stage);
    await Promise.all(all.map((playing) => passTime(playing, stage)));
    await sweep(stage);
    await Promise.all(all.map((playing) => afterSweep(playing, stage)));
    await cancelForTheDeleted(all, stage);
    await compareAccounts(all, stage, index % checkEvery === checkEvery - 1);
  }

  // Everything is read once more, so that the database knows of every change.
  stage.now = lastDay + 5 * day;
  await Promise.all(all.map((playing) => passTime(playing, stage)));
  await Promise.all(all.map((playing) => reconcile(playing, stage)));
  await sweep(stage);
  await cancelForTheDeleted(all, stage);
  await compareAccounts(all, stage, true);
  await compareOverview(all, stage);
  const ledgers = await database.ledgers(userIds);
  compareLedgers(all, ledgers);
  const outcomes = all.map((playing) => ({
    life: playing.life,
    differences: playing.differences,
    ledger: (ledgers.get(playing.userId) ?? []).sort(),
    premium: playing.premium,
    grantedUnaware: compareWithTruth(playing, stage.now),
  }));
  await database.deleteUsers(userIds);
  return outcomes;
}

/** What all lives share: the database, and the clock, which moves from sweep to sweep. */
interface Stage {
  database: BillingDatabase;
  draw(): number;
  lastSweep: Moment;
  now: Moment;
}

function sweepMoments(): Moment[] {
  const moments: Moment[] = [];
  let midnight = firstDay;
  for (let index = 0; midnight < lastDay; index++) {
    const secondOfDay = ((index * 7_919) % 86_400) + 1;
    moments.push(midnight + secondOfDay * 1_000);
    midnight += (sweepDays[index % sweepDays.length] ?? 1) * day;
  }
  return moments;
}

async function raisePrices({ database, lastSweep, now }: Stage): Promise<void> {
  for (const [index, rise] of priceRises.entries()) {
    if (rise > lastSweep && rise <= now) {
      await database.offerPrices(index + 1);
    }
  }
}

async function sweep(stage: Stage): Promise<void> {
  await stage.database.sweep(stage.now);
  stage.lastSweep = stage.now;
}

function startLife(life: Life, index: number, userId: string): Playing {
  let at = life.start;
  const acts = life.steps.map(({ wait, act }) => {
    at += wait;
    return { at, act };
  });
  return {
    ...{ life, userId, acts: acts.filter((each) => each.at < lastDay), deliveries: [], reads: [] },
    ...{ packReads: [], ordered: [] },
    provider: simulateProvider({ name: `${userId.slice(0, 8)}${index}`, dunning: life.dunning }),
    ...{
      expectation: createExpectation(),
      sentHints: 0,
      outageUntil: 0,
      idleUntil: 0,
      deleted: false,
      differences: [],
      premium: [],
    },
  };
}

/** Plays one life until the next sweep: its acts, what the provider does, and deliveries, in the order of their times. */
async function passTime(playing: Playing, stage: Stage): Promise<void> {
  if (playing.idleUntil > stage.now) {
    return;
  }
  const { provider, deliveries, reads } = playing;
  const ownActs: { at: Moment; act: Act }[] = [];
  for (;;) {
    const [act] = playing.acts;
    const delivery = earliest(deliveries, ({ readAt }) => readAt);
    const read = earliest(reads, ({ at }) => at);
    const times = [provider.nextAt(), read?.at, delivery?.readAt, act?.at];
    const at = Math.min(...times.filter((time) => time !== undefined));
    if (at > stage.now) {
      playing.idleUntil = ownActs.length + playing.packReads.length === 0 ? at : 0;
      break;
    }
    if (at === provider.nextAt()) {
      provider.advance(at);
    } else if (read !== undefined && read.at === at) {
      reads.splice(reads.indexOf(read), 1);
      await read.apply();
    } else if (delivery !== undefined && delivery.readAt === at) {
      deliveries.splice(deliveries.indexOf(delivery), 1);
      deliver(playing, delivery, stage);
    } else if (act !== undefined) {
      playing.acts.shift();
      if (!actAtProvider(playing, act.act, at)) {
        ownActs.push(act);
      }
      await expectOrdered(playing, stage);
    }
    sendHints(playing);
  }
  // Acts on our own rows are done after the sweep, when the balance is known.
  playing.acts.unshift(...ownActs);
}

function earliest<T>(list: readonly T[], timeOf: (one: T) => Moment): T | undefined {
  return list.reduce<T | undefined>(
    (best, one) => (best === undefined || timeOf(one) < timeOf(best) ? one : best),
    undefined,
  );
}

function sendHints(playing: Playing): void {
  const { provider, life } = playing;
  for (const hint of provider.hints.slice(playing.sentHints)) {
    if (hint.at >= playing.outageUntil) {
      playing.deliveries.push(...deliveriesOf(life.channel, hint));
    }
  }
  playing.sentHints = provider.hints.length;
}

/** Reads the event's object in its present state, not in the state when the event was created. */
function deliver(playing: Playing, { hint, readAt, appliedAt }: Delivery, stage: Stage): void {
  const { provider, userId, expectation, reads } = playing;
  const number = stage.draw();
  const subscription = provider.subscriptions.find(({ id }) => id === hint.object);
  if (subscription === undefined) {
    // Packs are read after the sweep, because what a refund takes back depends on the balance.
    const at = stage.now + 1_000;
    playing.packReads.push({ at, apply: () => readPack(playing, hint, number, at, stage) });
    return;
  }
  const truth = copyOf(subscription);
  const lastRead = expectation.lastReads.get(truth.id)?.truth ?? null;
  const snapshot = snapshotOf(truth, readAt, userId, newest(truth, lastRead));
  const apply = async () => {
    const event = { ...hint, provider: truth.provider };
    const effect = { kind: "subscription", snapshot };
    const result = await stage.database.record(event, effect, number, appliedAt);
    noteStatus(playing, hint.type, result);
    if (result === "processed" && !playing.deleted) {
      expectation.applyRead(truth, number, stage.lastSweep, appliedAt);
    }
  };
  reads.push({ at: appliedAt, apply });
}

async function readPack(
  playing: Playing,
  hint: Hint,
  number: number,
  at: Moment,
  { database, now }: Stage,
): Promise<void> {
  const { provider, userId, expectation, deleted } = playing;
  const truth = structuredClone(provider.packs.find(({ id }) => id === hint.object));
  if (truth === undefined) {
    return;
  }
  const effect = { kind: "purchase", purchase: purchaseOf(truth, userId) };
  const result = await database.record({ ...hint, provider: "stripe" }, effect, number, at);
  noteStatus(playing, hint.type, result);
  if (result === "processed" && !deleted) {
    expectation.settleAll(now);
    expectation.applyPack(truth);
  }
}

function noteStatus(playing: Playing, type: string, result: string): void {
  const fine = ["processed", "duplicate"].includes(result);
  if (!fine && !(playing.deleted && result.startsWith("ignored"))) {
    playing.differences.push(`${type} was ${result}`);
  }
}

async function afterSweep(playing: Playing, stage: Stage): Promise<void> {
  if (playing.idleUntil > stage.now) {
    return;
  }
  playing.idleUntil = 0;
  for (const { apply } of playing.packReads.splice(0)) {
    await apply();
  }
  while (playing.acts[0] !== undefined && playing.acts[0].at <= stage.now) {
    const next = playing.acts.shift();
    if (next !== undefined && !actAtProvider(playing, next.act, stage.now)) {
      await actOnRows(playing, next.act, stage);
    }
    await expectOrdered(playing, stage);
    sendHints(playing);
  }
}

/** Does an act at the provider. Returns false for an act on our own rows, which is left undone. */
function actAtProvider(playing: Playing, act: Act, at: Moment): boolean {
  const { provider } = playing;
  provider.advance(at);
  const running = provider.subscriptions.filter(({ endedAt }) => endedAt === null);
  const latest = running.at(-1);
  switch (act.do) {
    case "subscribe":
      if (!playing.deleted) {
        subscribe(playing, act, at, running);
      }
      return true;
    case "change":
      if (latest !== undefined) {
        provider.change(latest, priceOf(act.plan, latest.provider, at), act.atPeriodEnd);
      }
      return true;
    case "cancel":
      if (latest !== undefined) provider.cancel(latest, act.when);
      return true;
    case "resume":
      if (latest !== undefined) provider.resume(latest);
      return true;
    case "card":
      provider.setCard(act.works);
      return true;
    case "buy pack":
      if (!playing.deleted) provider.buyPack(pack.credits, pack.amount, act.paid);
      return true;
    case "pay packs":
      provider.payPacks();
      return true;
    case "refund":
      provider.refund(act.of, act.nth, act.share);
      return true;
    case "dispute":
      provider.dispute(act.of, act.nth);
      return true;
    case "close disputes":
      provider.closeDisputes(act.status);
      return true;
    case "outage":
      playing.outageUntil = at + act.days * day;
      playing.deliveries = playing.deliveries.filter(({ readAt }) => readAt > playing.outageUntil);
      return true;
    case "spend":
    case "revoke":
    case "reinstate":
    case "reconcile":
    case "delete":
      return false;
  }
}

/** Two running subscriptions at Stripe are flagged and allowed. One at PayPal is activated only when none is running. */
function subscribe(
  { provider, ordered }: Playing,
  act: Extract<Act, { do: "subscribe" }>,
  at: Moment,
  running: readonly Subscription[],
): void {
  const paypal = act.provider === "paypal";
  if (running.length < (paypal ? 1 : 2)) {
    const trialDays = paypal || provider.subscriptions.length > 0 ? 0 : act.trialDays;
    const discount = paypal ? 0 : act.discount;
    const price = priceOf(act.plan, act.provider, at);
    const subscription = provider.subscribe(price, { trialDays, discount });
    if (paypal && subscription !== null) {
      ordered.push({ id: subscription.id, priceId: price.id, at });
    }
  }
}

async function expectOrdered({ ordered, userId }: Playing, { database }: Stage): Promise<void> {
  for (const subscription of ordered.splice(0)) {
    await database.expectPayPal(userId, subscription);
  }
}

async function actOnRows(playing: Playing, act: Act, stage: Stage): Promise<void> {
  const { userId, expectation } = playing;
  const { database, now } = stage;
  if (playing.deleted) {
    return;
  }
  expectation.settleAll(now);
  const known = [...expectation.lastReads.keys()].at(-1);
  if (act.do === "spend") {
    const amount = Math.min(act.amount, expectation.balance());
    if (amount > 0) {
      await database.spend(userId, amount);
      expectation.spend(amount);
    }
  } else if (act.do === "reconcile") {
    await reconcile(playing, stage);
  } else if (act.do === "delete") {
    playing.deleted = true;
    await database.deleteUser(userId, act.how);
  } else if (known !== undefined && act.do === "revoke") {
    await database.revoke(known, now);
    expectation.revoke(known, now);
  } else if (known !== undefined && act.do === "reinstate" && expectation.isRevoked(known)) {
    await database.reinstate(known, now);
    expectation.reinstate(known, now);
  }
}

/** Reads everything about the customer again. */
async function reconcile(playing: Playing, stage: Stage): Promise<void> {
  const { provider, userId, expectation } = playing;
  const { database, now, lastSweep } = stage;
  const number = stage.draw();
  const subscriptions = provider.subscriptions.map(copyOf);
  const packs = structuredClone(provider.packs);
  await database.applyRead(
    subscriptions.map((truth) => snapshotOf(truth, now, userId)),
    packs.map((purchase) => purchaseOf(purchase, userId)),
    number,
    now,
  );
  if (!playing.deleted) {
    for (const truth of subscriptions) expectation.applyRead(truth, number, lastSweep, now);
    for (const purchase of packs) expectation.applyPack(purchase);
  }
}

/** Does the database's tasks: after a deletion it wants subscriptions cancelled at the provider. */
async function cancelForTheDeleted(all: readonly Playing[], { database, now }: Stage) {
  for (const task of await database.openTasks()) {
    const playing = all.find(({ provider }) =>
      provider.subscriptions.some(({ id }) => id === task.subscription),
    );
    const subscription = playing?.provider.subscriptions.find(({ id }) => id === task.subscription);
    if (playing === undefined || subscription === undefined || task.action !== "cancel") {
      throw new Error(`The task ${task.action} of ${task.subscription} cannot be done.`);
    }
    if (!playing.deleted) {
      playing.differences.push(
        `the database wants ${subscription.id} cancelled, whose account was not deleted`,
      );
    }
    playing.provider.advance(now);
    playing.provider.cancel(subscription, "now");
    playing.idleUntil = 0;
    sendHints(playing);
    await database.finishTask(task.id);
  }
}

async function compareAccounts(
  all: readonly Playing[],
  { database, now }: Stage,
  withCredits: boolean,
): Promise<void> {
  const found = await database.accounts(all.map(({ userId }) => userId));
  for (const playing of all) {
    const account = found.get(playing.userId);
    const { expectation } = playing;
    const report = (what: string) =>
      playing.differences.push(`${new Date(now).toISOString()}: ${what}`);
    if (playing.deleted || account === undefined) {
      if (playing.deleted !== (account === undefined)) report("the account is gone or came back");
      continue;
    }
    if (withCredits) {
      expectation.settleAll(now);
      if (account.credits !== expectation.balance()) {
        report(`credits ${account.credits}, expected ${expectation.balance()}`);
      }
    }
    const until = expectation.premiumUntil();
    const expected = until !== null && until > now ? new Date(until).toISOString() : "not premium";
    const premium = account.premiumUntil;
    const actual =
      premium !== null && premium > now ? new Date(premium).toISOString() : "not premium";
    playing.premium.push({ at: now, isPremium: actual !== "not premium" });
    if (actual !== expected) {
      report(`premium until ${actual}, expected ${expected}`);
    }
  }
}

/** Compares the business figures with the reference's. A difference is reported for the first life. */
async function compareOverview(all: readonly Playing[], { database, now }: Stage): Promise<void> {
  const living = all.filter(({ deleted }) => !deleted);
  const subscriptions = living.flatMap(({ provider }) => provider.subscriptions.map(copyOf));
  const credits = living.reduce((sum, { expectation }) => sum + expectation.balance(), 0);
  const expected = JSON.stringify({ ...overviewOf(subscriptions, now), credits });
  const found = JSON.stringify(await database.overview(now));
  if (found !== expected) {
    all[0]?.differences.push(`the overview is ${found}, expected ${expected}`);
  }
}

function compareLedgers(all: readonly Playing[], found: ReadonlyMap<string, string[]>) {
  for (const { userId, expectation, deleted, differences, provider } of all) {
    const rows = (found.get(userId) ?? []).sort();
    const expected = deleted ? [] : ledgerOf(expectation).sort();
    const missing = without(expected, rows);
    const surplus = without(rows, expected);
    differences.push(
      ...missing.map((row) => `the ledger lacks: ${row}`),
      ...surplus.map((row) => `the ledger has too much: ${row}`),
    );
    for (const subscription of deleted ? provider.subscriptions : []) {
      if (subscription.endedAt === null) {
        differences.push(`${subscription.id} runs on without an account`);
      }
    }
  }
}

/** The expected ledger, in the form of `BillingDatabase.ledgers`. */
function ledgerOf(expectation: Expectation): string[] {
  const lines = [`opening ${openingCredits}`];
  for (const [id, months] of expectation.months) {
    for (const [start, credits] of months) {
      lines.push(`subscription ${id} ${new Date(start).toISOString().slice(0, 19)} ${credits}`);
    }
  }
  const packs = [...expectation.packs.values()];
  const granted = packs.reduce((sum, each) => sum + each.granted, 0);
  const taken = packs.reduce((sum, each) => sum + each.taken, 0);
  return [
    ...lines,
    ...(granted > 0 ? [`purchase ${granted}`] : []),
    ...(taken > 0 ? [`reversal ${-taken}`] : []),
  ];
}

function without(list: readonly string[], taken: readonly string[]): string[] {
  const known = new Set(taken);
  return list.filter((each) => !known.has(each));
}

/**
 * Compares what was granted with what the reference grants when every change is known at once. More is correct only if a
 * change became known late. Less never is, because by now every change is known.
 */
function compareWithTruth(
  { expectation, provider, deleted, life, differences }: Playing,
  now: Moment,
) {
  if (deleted) {
    return 0;
  }
  let unaware = 0;
  for (const [id, months] of expectation.monthsWithoutDelay(provider.subscriptions, now)) {
    const granted = expectation.months.get(id) ?? new Map<Moment, number>();
    for (const start of new Set([...months.keys(), ...granted.keys()])) {
      const difference = (granted.get(start) ?? 0) - (months.get(start) ?? 0);
      const prompt = life.channel.lost + life.channel.lateDays + life.channel.slow === 0;
      const outage = life.steps.some(({ act }) => act.do === "outage");
      if (difference < 0 || (difference > 0 && prompt && !outage)) {
        differences.push(
          `the reference contradicts itself in ${id} ${new Date(start).toISOString()}`,
        );
      }
      unaware += difference > 0 ? 1 : 0;
    }
  }
  return unaware;
}

/** A copy of a subscription's present state, without what its provider keeps for itself. */
function copyOf(subscription: ProviderSubscription): Subscription {
  const { anchor: _, cycle: __, nextPrice, open, attempts, ...truth } = subscription;
  return {
    ...truth,
    moves: [...truth.moves],
    invoices: truth.invoices.map((invoice) => ({ ...invoice, ...copyOfReturns(invoice) })),
  };
}

function copyOfReturns({ refunds, disputes }: Charge) {
  return { refunds: [...refunds], disputes: disputes.map((dispute) => ({ ...dispute })) };
}

/** The newest invoices and all that have changed since the last read, which is what a webhook reads. */
function newest(truth: Subscription, lastRead: Subscription | null): Invoice[] {
  const state = ({ paidAt, refunds, disputes }: Invoice) =>
    [paidAt, refunds.length, ...disputes.map(({ status }) => status)].join();
  const before = new Map(lastRead?.invoices.map((invoice) => [invoice.id, invoice]));
  return truth.invoices.filter((invoice, index) => {
    const known = before.get(invoice.id);
    const isNew = known === undefined || state(known) !== state(invoice);
    return isNew || index >= truth.invoices.length - 3;
  });
}
