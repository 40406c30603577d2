import { randomUUID } from "node:crypto";
import { offerPlans, prices } from "./billing.ts";
import { asOperator } from "./clients.ts";
import { createMember, createMembers, type Member } from "./members.ts";
import { seededRandom } from "./random.ts";
import type { Answer, Transport } from "./transports.ts";

/*
 * A random mix of everything that users and the server of an app do through the Data API, by many clients at once on few
 * rows, so that a deadlock between two operations shows.
 */

/** The outcome of a mix. */
export interface MixResult {
  calls: number;
  /** How often each operation was ended as the victim of a deadlock. */
  deadlocks: Record<string, number>;
  /** How often each operation failed by a fault of the server, by SQLSTATE or status. */
  faults: Record<string, number>;
  /** How often each operation succeeded. */
  done: Record<string, number>;
}

/** How long a mix lasts, and how many users and clients it has. */
export interface MixOptions {
  clients?: number;
  users?: number;
  /** The mix ends after this many calls, or after `seconds`. */
  calls?: number;
  seconds?: number;
  transport: Transport;
  /** Whether the sweep runs at the same time, again and again. */
  sweeping?: boolean;
  seed?: number;
}

interface World {
  transport: Transport;
  random: () => number;
  members: Member[];
  strategies: Owned[];
  indicators: Owned[];
  coupons: string[];
  library: string[];
  spent: { user: string; key: string }[];
}

/** A row that clients refer to, and its owner. */
interface Owned {
  id: string;
  owner: Member;
}

/** Runs a mix to its end. */
export async function runMix(options: MixOptions): Promise<MixResult> {
  const { clients = 16, users = 3, seed = 1 } = options;
  const world = await createWorld(options.transport, users, seed);
  const result: MixResult = { calls: 0, deadlocks: {}, faults: {}, done: {} };
  const end = options.seconds ? Date.now() + options.seconds * 1000 : Number.POSITIVE_INFINITY;
  const isOver = () => Date.now() >= end || result.calls >= (options.calls ?? end);
  // Operations that write several rows can deadlock, so they are chosen more often.
  const names = Object.keys(operations).flatMap((name) =>
    /^(save|patch|delete|restore|fork|add|webhook)_?/.test(name)
      ? [name, name, name, name]
      : [name],
  );

  const client = async () => {
    while (!isOver()) {
      result.calls++;
      const name = must(pick(world, names));
      count(result, name, await operations[name]?.(world));
    }
  };
  const sweeper = async () => {
    while (options.sweeping && !isOver()) count(result, "sweep", await service(world, "sweep", {}));
  };
  await Promise.all([...Array.from({ length: clients }, client), sweeper()]);
  return result;
}

function count(result: MixResult, name: string, answer: Answer | undefined): void {
  if (!answer) return;
  const code = codeOf(answer.body);
  const add = (counts: Record<string, number>, key: string) => {
    counts[key] = (counts[key] ?? 0) + 1;
  };
  if (code === "40P01") add(result.deadlocks, name);
  else if (answer.status < 400) add(result.done, name);
  else if (answer.status >= 500) add(result.faults, `${name} ${code ?? answer.status}`);
}

function codeOf(body: unknown): string | null {
  if (typeof body !== "object" || body === null || !("code" in body)) return null;
  return String(body.code);
}

async function createWorld(transport: Transport, users: number, seed: number): Promise<World> {
  await offerPlans();
  const members = await createMembers(users);
  const coupons = Array.from({ length: 3 }, () => `MIX-${randomUUID().slice(0, 8).toUpperCase()}`);
  const library = await asOperator(async (sql) => {
    const ids = members.map(({ id }) => id);
    await sql`update public.users set premium_until = now() + interval '1 day' where id = any (${ids})`;
    await sql`
      insert into public.coupons (code, discount_percent)
      select code, 10 from unnest(${coupons}::text[]) as code
    `;
    const rows = await sql<{ id: string }[]>`
      select i.id
      from public.indicators as i
      where i.type = 'trend' and i.parameters -> 'required' is null
      order by i.id
      limit 4
    `;
    return rows.map(({ id }) => id);
  });
  const world: World = {
    transport,
    random: seededRandom(seed),
    members,
    strategies: [],
    indicators: [],
    coupons,
    library,
    spent: [],
  };
  for (const member of members) await addContent(world, member);
  return world;
}

async function addContent(world: World, member: Member): Promise<void> {
  for (let n = 0; n < 4; n++) await createIndicator(world, member);
  for (let n = 0; n < 25; n++) await createStrategy(world, member);
}

const operations: Record<string, (world: World) => Promise<Answer | undefined>> = {
  get_my_account: (w) => rpc(w, anyMember(w), "get_my_account", {}),
  get_strategy: (w) => rpc(w, anyMember(w), "get_strategy", { strategy_id: strategy(w).id }),
  list_public_strategies: (w) => rpc(w, anyMember(w), "list_public_strategies", { search: "mix" }),
  search_indicators: (w) => rpc(w, anyMember(w), "search_indicators", { search: "mov" }),
  export_my_data: (w) => rpc(w, anyMember(w), "export_my_data", {}),

  save_new: (w) => createStrategy(w, anyMember(w)),
  save_whole: (w) => {
    const { id, owner } = strategy(w);
    const content = { config: { n: w.random() }, components: components(w) };
    return rpc(w, owner, "save_strategy", { strategy_id: id, ...content });
  },
  save_fields: (w) => {
    const { id, owner } = strategy(w);
    return rpc(w, owner, "save_strategy", { strategy_id: id, name: `Mix ${w.random()}` });
  },
  restore: (w) => {
    const { id, owner } = strategy(w);
    return rpc(w, owner, "restore_strategy_version", { strategy_id: id, version_number: 1 });
  },
  fork: async (w) => {
    const member = anyMember(w);
    const answer = await rpc(w, member, "fork_strategy", { strategy_id: strategy(w).id });
    return keepStrategy(w, member, answer);
  },

  patch_all_strategies: (w) => {
    const member = anyMember(w);
    const change = { name: `Renamed ${w.random()}`, is_public: w.random() < 0.8 };
    return w.transport.update(member, "strategies", { user_id: `eq.${member.id}` }, change);
  },
  patch_public_strategies: (w) =>
    w.transport.update(anyMember(w), "strategies", { is_public: "is.true" }, { timeframe: "1h" }),
  patch_strategy: (w) => {
    const { id, owner } = strategy(w);
    return w.transport.update(
      owner,
      "strategies",
      { id: `eq.${id}` },
      { config: { n: w.random() } },
    );
  },
  patch_all_components: (w) => {
    const member = anyMember(w);
    const filters = { user_id: `eq.${member.id}`, is_custom: "is.true" };
    const change = { parameters: { length: Math.ceil(w.random() * 50) } };
    return w.transport.update(member, "strategy_components", filters, change);
  },
  patch_components_of_a_strategy: (w) => {
    const { id, owner } = strategy(w);
    const filters = { strategy_id: `eq.${id}`, is_custom: "is.true" };
    const change = { indicator_id: indicator(w).id };
    return w.transport.update(owner, "strategy_components", filters, change);
  },
  add_component: (w) => {
    const { id, owner } = strategy(w);
    return w.transport.insert(owner, "strategy_components", {
      strategy_id: id,
      component_type: "entry",
      position: Math.floor(w.random() * 20),
      is_custom: true,
      indicator_id: indicator(w).id,
    });
  },
  delete_components: (w) => {
    const member = anyMember(w);
    const filters = {
      user_id: `eq.${member.id}`,
      position: `eq.${Math.floor(w.random() * 4)}`,
    };
    return w.transport.remove(member, "strategy_components", filters);
  },
  delete_strategies: async (w) => {
    const { owner } = strategy(w);
    const two = w.strategies.filter((one) => one.owner === owner).slice(0, 2);
    w.strategies = w.strategies.filter((one) => !two.includes(one));
    const filters = { id: `in.(${two.map(({ id }) => id).join(",")})` };
    const answer = await w.transport.remove(owner, "strategies", filters);
    for (const _ of two) await createStrategy(w, anyMember(w));
    return answer;
  },
  add_indicator: (w) => createIndicator(w, anyMember(w)),
  patch_all_indicators: (w) => {
    const member = anyMember(w);
    const change = { is_public: w.random() < 0.8, description: `Changed ${w.random()}` };
    return w.transport.update(member, "custom_indicators", { user_id: `eq.${member.id}` }, change);
  },
  delete_indicators: async (w) => {
    const { owner } = indicator(w);
    const two = w.indicators.filter((one) => one.owner === owner).slice(0, 2);
    w.indicators = w.indicators.filter((one) => !two.includes(one));
    const filters = { id: `in.(${two.map(({ id }) => id).join(",")})` };
    const answer = await w.transport.remove(owner, "custom_indicators", filters);
    for (const _ of two) await createIndicator(w, anyMember(w));
    return answer;
  },
  patch_account: (w) => {
    const member = anyMember(w);
    const change = { preferences: { n: w.random() } };
    return w.transport.update(member, "users", { id: `eq.${member.id}` }, change);
  },
  delete_all_keys: (w) => {
    const member = anyMember(w);
    return w.transport.remove(member, "api_keys", { user_id: `eq.${member.id}` });
  },
  add_key: (w) =>
    rpc(w, anyMember(w), "store_api_key", { provider: provider(w), api_key: `sk-${randomUUID()}` }),
  delete_key: (w) => rpc(w, anyMember(w), "delete_api_key", { provider: provider(w) }),
  read_key: (w) =>
    service(w, "get_decrypted_api_key", { user_id: anyMember(w).id, provider: provider(w) }),
  rotate_keys: (w) =>
    w.random() < 0.1
      ? service(w, "rotate_api_key_secret", {})
      : service(w, "reencrypt_api_keys", { batch_size: 20 }),

  consume: (w) =>
    rpc(w, anyMember(w), "consume_credits", { amount: 1, idempotency_key: randomUUID() }),
  charge: (w) => {
    const spent = { user: anyMember(w).id, key: randomUUID() };
    w.spent.push(spent);
    return service(w, "charge_credits", {
      user_id: spent.user,
      amount: 1,
      idempotency_key: spent.key,
    });
  },
  refund: (w) => {
    const spent = pick(w, w.spent);
    if (!spent) return Promise.resolve(undefined);
    return service(w, "refund_credits", { user_id: spent.user, idempotency_key: spent.key });
  },
  grant: (w) => service(w, "grant_credits", { user_id: anyMember(w).id, amount: 3 }),
  redeem: (w) =>
    service(w, "redeem_coupon", { user_id: anyMember(w).id, code: pick(w, w.coupons) }),
  preview: (w) =>
    service(w, "preview_coupon", { user_id: anyMember(w).id, code: pick(w, w.coupons) }),
  grant_premium: (w) =>
    service(w, "grant_premium", {
      user_id: anyMember(w).id,
      plan_type: "premium_monthly",
      until: new Date(Date.now() + 86_400_000 * (1 + w.random())).toISOString(),
    }),
  webhook: (w) => {
    const { id } = anyMember(w);
    const subscription = `sub_mix_${id}_${Math.floor(w.random() * 2)}`;
    return deliver(w, { kind: "subscription", snapshot: snapshot(w, id, subscription) });
  },
  webhook_of_a_refund: (w) => {
    const { id } = anyMember(w);
    const payment_id = `in_mix_${id}_0_${Math.floor(w.random() * 3)}`;
    const refund = { id: `re_${payment_id}`, amount: 900, currency: "usd", status: "succeeded" };
    const snapshots = [snapshot(w, id, `sub_mix_${id}_0`)];
    const incident = { customer_id: `cus_mix_${id}`, payment_id, refunds: [refund], snapshots };
    return deliver(w, { kind: "incident", ...incident });
  },
  webhook_of_a_deleted_customer: (w) => {
    const { id } = anyMember(w);
    const snapshots = [snapshot(w, id, `sub_mix_${id}_1`)];
    return deliver(w, { kind: "customer_deleted", customer_id: `cus_mix_${id}`, snapshots });
  },
  diagnose: (w) => service(w, "diagnose_account", { email: anyMember(w).email }),
  export_user_data: (w) => service(w, "export_user_data", { user_id: anyMember(w).id }),
  sweep: (w) => service(w, "sweep", {}),
  replace_user: async (w) => {
    if (w.random() > 0.2) return undefined;
    const place = Math.floor(w.random() * w.members.length);
    const gone = w.members[place];
    if (!gone) return undefined;
    const next = await createMember();
    w.members[place] = next;
    w.strategies = w.strategies.filter(({ owner }) => owner !== gone);
    w.indicators = w.indicators.filter(({ owner }) => owner !== gone);
    await service(w, "grant_premium", {
      user_id: next.id,
      plan_type: "premium_monthly",
      until: new Date(Date.now() + 86_400_000).toISOString(),
    });
    await addContent(w, next);
    return service(w, "delete_user", { user_id: gone.id });
  },
};

/** Records an event of Stripe, as the webhook's function does after it has read the subscription. */
async function deliver(world: World, effect: object): Promise<Answer> {
  const event = { provider: "stripe", event_id: `evt_mix_${randomUUID()}` };
  const begun = await service(world, "begin_webhook_event", event);
  return service(world, "record_webhook_event", {
    ...event,
    type: "customer.subscription.updated",
    created: new Date().toISOString(),
    livemode: false,
    payload: {},
    effect,
    read_number: (begun.body as { read_number?: string }).read_number,
  });
}

/** A subscription of this month, in a random state, with up to three invoices for the period. */
function snapshot(world: World, userId: string, subscription: string) {
  const from = new Date(Date.now() - 86_400_000).toISOString();
  const through = new Date(Date.now() + 29 * 86_400_000).toISOString();
  const payments = Array.from({ length: Math.floor(world.random() * 4) }, (_, n) => ({
    ...{ id: `in_${subscription.slice(4)}_${n}`, paid_at: from, currency: "usd", amount: 900 },
    lines: [{ price_id: prices.monthly, from, through, proration: n > 0 }],
  }));
  return {
    ...{ provider: "stripe", id: subscription, customer_id: `cus_mix_${userId}`, user_id: userId },
    ...{ livemode: false, status: pick(world, ["active", "past_due", "canceled"]), payments },
    items: [{ price_id: prices.monthly, start: from, end: through }],
  };
}

async function createStrategy(world: World, member: Member): Promise<Answer> {
  const answer = await rpc(world, member, "save_strategy", {
    name: `Mix ${world.random()}`,
    config: {},
    components: components(world),
    is_public: true,
  });
  return keepStrategy(world, member, answer);
}

function keepStrategy(world: World, owner: Member, answer: Answer): Answer {
  const id = (answer.body as { strategy_id?: string }).strategy_id;
  if (answer.status < 300 && id) keep(world, world.strategies, { id, owner });
  return answer;
}

async function createIndicator(world: World, member: Member): Promise<Answer> {
  const answer = await world.transport.insert(member, "custom_indicators", {
    name: `Mix ${randomUUID()}`,
    category: "momentum",
    type: "entry",
    pine_script: "plot(close)",
    is_public: true,
  });
  const id = (answer.body as { id?: string }[])[0]?.id;
  if (id) keep(world, world.indicators, { id, owner: member });
  return answer;
}

/** Adds a row to the list, in place of another when the list is full: clients of too many rows would not collide. */
function keep(world: World, list: Owned[], one: Owned): void {
  if (list.length < 90) list.push(one);
  else list[Math.floor(world.random() * list.length)] = one;
}

/** Up to six components, with indicators of the library and of any user. */
function components(world: World) {
  return Array.from({ length: Math.floor(world.random() * 7) }, (_, position) =>
    world.random() < 0.3
      ? { component_type: "trend", position, indicator_id: must(pick(world, world.library)) }
      : { component_type: "entry", position, is_custom: true, indicator_id: indicator(world).id },
  );
}

const anyMember = (world: World): Member => must(pick(world, world.members));
const strategy = (world: World): Owned => must(pick(world, world.strategies));
const indicator = (world: World): Owned => must(pick(world, world.indicators));
const provider = (world: World): string => must(pick(world, ["openai", "anthropic", "google"]));

function pick<T>(world: Pick<World, "random">, list: readonly T[]): T | undefined {
  return list[Math.floor(world.random() * list.length)];
}

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("The mix has no row left to choose from.");
  return value;
}

function rpc(world: World, member: Member, name: string, args: Record<string, unknown>) {
  return world.transport.rpc(member, name, args);
}

function service(world: World, name: string, args: Record<string, unknown>) {
  return world.transport.rpc(null, name, args);
}
