import { randomUUID } from "node:crypto";
import { offerPlans, prices } from "./billing.ts";
import { asOperator } from "./clients.ts";
import { gather, type Member } from "./crowd.ts";
import type { Answer, Door } from "./doors.ts";

/*
 * A random mix of everything that users, and the server of an app, do to the database over HTTP, by many clients
 * at once on few rows. It looks for one thing: transactions that wait for each other.
 */

/** What came of a mix. */
export interface MixResult {
  calls: number;
  /** How often each operation was ended as the victim of a deadlock. */
  deadlocks: Record<string, number>;
  /** How often each operation failed for a reason of the server's own: SQLSTATE or status. */
  faults: Record<string, number>;
  /** Which operations succeeded, and how often. */
  done: Record<string, number>;
}

/** How long a mix lasts, and who takes part. */
export interface MixOptions {
  clients?: number;
  users?: number;
  /** Ends after so many calls, or with `seconds` after so long. */
  calls?: number;
  seconds?: number;
  /** How the database is asked. */
  door: Door;
  /** Whether the sweep runs beside it all the time. */
  sweeping?: boolean;
  seed?: number;
}

interface World {
  door: Door;
  random: () => number;
  members: Member[];
  strategies: Owned[];
  indicators: Owned[];
  coupons: string[];
  library: string[];
  spent: { user: string; key: string }[];
}

/** Something that a client can name, and who may change it. */
interface Owned {
  id: string;
  owner: Member;
}

/** Runs a mix to its end. */
export async function runMix(options: MixOptions): Promise<MixResult> {
  const { clients = 16, users = 3, seed = 1 } = options;
  const world = await createWorld(options.door, users, seed);
  const result: MixResult = { calls: 0, deadlocks: {}, faults: {}, done: {} };
  const end = options.seconds ? Date.now() + options.seconds * 1000 : Number.POSITIVE_INFINITY;
  const isOver = () => Date.now() >= end || result.calls >= (options.calls ?? end);
  // Those that write several rows are the ones that can meet in a circle: they come more often.
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
  const into =
    code === "40P01"
      ? result.deadlocks
      : answer.status < 400
        ? result.done
        : answer.status >= 500
          ? result.faults
          : null;
  if (into) {
    const key = into === result.faults ? `${name} ${code ?? answer.status}` : name;
    into[key] = (into[key] ?? 0) + 1;
  }
}

function codeOf(body: unknown): string | null {
  if (typeof body !== "object" || body === null || !("code" in body)) return null;
  return String(body.code);
}

async function createWorld(door: Door, users: number, seed: number): Promise<World> {
  await offerPlans();
  const members = await gather(users);
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
    door,
    random: randomFrom(seed),
    members,
    strategies: [],
    indicators: [],
    coupons,
    library,
    spent: [],
  };
  for (const member of members) await furnish(world, member);
  return world;
}

async function furnish(world: World, member: Member): Promise<void> {
  for (let n = 0; n < 4; n++) await createIndicator(world, member);
  for (let n = 0; n < 25; n++) await createStrategy(world, member);
}

const operations: Record<string, (world: World) => Promise<Answer | undefined>> = {
  get_my_account: (w) => rpc(w, anyone(w), "get_my_account", {}),
  get_strategy: (w) => rpc(w, anyone(w), "get_strategy", { strategy_id: strategy(w).id }),
  list_public_strategies: (w) => rpc(w, anyone(w), "list_public_strategies", { search: "mix" }),
  search_indicators: (w) => rpc(w, anyone(w), "search_indicators", { search: "mov" }),
  export_my_data: (w) => rpc(w, anyone(w), "export_my_data", {}),

  save_new: (w) => createStrategy(w, anyone(w)),
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
    const member = anyone(w);
    const answer = await rpc(w, member, "fork_strategy", { strategy_id: strategy(w).id });
    return remember(w, member, answer);
  },

  patch_all_strategies: (w) => {
    const member = anyone(w);
    const change = { name: `Renamed ${w.random()}`, is_public: w.random() < 0.8 };
    return w.door.update(member, "strategies", { user_id: `eq.${member.id}` }, change);
  },
  patch_public_strategies: (w) =>
    w.door.update(anyone(w), "strategies", { is_public: "is.true" }, { timeframe: "1h" }),
  patch_strategy: (w) => {
    const { id, owner } = strategy(w);
    return w.door.update(owner, "strategies", { id: `eq.${id}` }, { config: { n: w.random() } });
  },
  patch_all_components: (w) => {
    const member = anyone(w);
    const filters = { user_id: `eq.${member.id}`, is_custom: "is.true" };
    const change = { parameters: { length: Math.ceil(w.random() * 50) } };
    return w.door.update(member, "strategy_components", filters, change);
  },
  patch_components_of_a_strategy: (w) => {
    const { id, owner } = strategy(w);
    const filters = { strategy_id: `eq.${id}`, is_custom: "is.true" };
    const change = { indicator_id: indicator(w).id };
    return w.door.update(owner, "strategy_components", filters, change);
  },
  add_component: (w) => {
    const { id, owner } = strategy(w);
    return w.door.insert(owner, "strategy_components", {
      strategy_id: id,
      component_type: "entry",
      position: Math.floor(w.random() * 20),
      is_custom: true,
      indicator_id: indicator(w).id,
    });
  },
  delete_components: (w) => {
    const member = anyone(w);
    const filters = {
      user_id: `eq.${member.id}`,
      position: `eq.${Math.floor(w.random() * 4)}`,
    };
    return w.door.remove(member, "strategy_components", filters);
  },
  delete_strategies: async (w) => {
    const { owner } = strategy(w);
    const two = w.strategies.filter((one) => one.owner === owner).slice(0, 2);
    w.strategies = w.strategies.filter((one) => !two.includes(one));
    const filters = { id: `in.(${two.map(({ id }) => id).join(",")})` };
    const answer = await w.door.remove(owner, "strategies", filters);
    for (const _ of two) await createStrategy(w, anyone(w));
    return answer;
  },
  add_indicator: (w) => createIndicator(w, anyone(w)),
  patch_all_indicators: (w) => {
    const member = anyone(w);
    const change = { is_public: w.random() < 0.8, description: `Changed ${w.random()}` };
    return w.door.update(member, "custom_indicators", { user_id: `eq.${member.id}` }, change);
  },
  delete_indicators: async (w) => {
    const { owner } = indicator(w);
    const two = w.indicators.filter((one) => one.owner === owner).slice(0, 2);
    w.indicators = w.indicators.filter((one) => !two.includes(one));
    const filters = { id: `in.(${two.map(({ id }) => id).join(",")})` };
    const answer = await w.door.remove(owner, "custom_indicators", filters);
    for (const _ of two) await createIndicator(w, anyone(w));
    return answer;
  },
  patch_account: (w) => {
    const member = anyone(w);
    const change = { preferences: { n: w.random() } };
    return w.door.update(member, "users", { id: `eq.${member.id}` }, change);
  },
  delete_all_keys: (w) => {
    const member = anyone(w);
    return w.door.remove(member, "api_keys", { user_id: `eq.${member.id}` });
  },
  add_key: (w) =>
    rpc(w, anyone(w), "store_api_key", { provider: provider(w), api_key: `sk-${randomUUID()}` }),
  delete_key: (w) => rpc(w, anyone(w), "delete_api_key", { provider: provider(w) }),
  read_key: (w) =>
    service(w, "get_decrypted_api_key", { user_id: anyone(w).id, provider: provider(w) }),
  rotate_keys: (w) =>
    w.random() < 0.1
      ? service(w, "rotate_api_key_secret", {})
      : service(w, "reencrypt_api_keys", { batch_size: 20 }),

  consume: (w) =>
    rpc(w, anyone(w), "consume_credits", { amount: 1, idempotency_key: randomUUID() }),
  charge: (w) => {
    const spent = { user: anyone(w).id, key: randomUUID() };
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
  grant: (w) => service(w, "grant_credits", { user_id: anyone(w).id, amount: 3 }),
  redeem: (w) => service(w, "redeem_coupon", { user_id: anyone(w).id, code: pick(w, w.coupons) }),
  preview: (w) => service(w, "preview_coupon", { user_id: anyone(w).id, code: pick(w, w.coupons) }),
  grant_premium: (w) =>
    service(w, "grant_premium", {
      user_id: anyone(w).id,
      plan_type: "premium_monthly",
      until: new Date(Date.now() + 86_400_000 * (1 + w.random())).toISOString(),
    }),
  webhook: (w) => {
    const { id } = anyone(w);
    const subscription = `sub_mix_${id}_${Math.floor(w.random() * 2)}`;
    return deliver(w, { kind: "subscription", snapshot: snapshot(w, id, subscription) });
  },
  webhook_of_a_refund: (w) => {
    const { id } = anyone(w);
    const payment_id = `in_mix_${id}_0_${Math.floor(w.random() * 3)}`;
    const refund = { id: `re_${payment_id}`, amount: 900, currency: "usd", status: "succeeded" };
    const snapshots = [snapshot(w, id, `sub_mix_${id}_0`)];
    const incident = { customer_id: `cus_mix_${id}`, payment_id, refunds: [refund], snapshots };
    return deliver(w, { kind: "incident", ...incident });
  },
  webhook_of_a_deleted_customer: (w) => {
    const { id } = anyone(w);
    const snapshots = [snapshot(w, id, `sub_mix_${id}_1`)];
    return deliver(w, { kind: "customer_deleted", customer_id: `cus_mix_${id}`, snapshots });
  },
  diagnose: (w) => service(w, "diagnose_account", { email: anyone(w).email }),
  export_user_data: (w) => service(w, "export_user_data", { user_id: anyone(w).id }),
  sweep: (w) => service(w, "sweep", {}),
  replace_user: async (w) => {
    if (w.random() > 0.2) return undefined;
    const place = Math.floor(w.random() * w.members.length);
    const gone = w.members[place];
    const [next] = await gather(1);
    if (!gone || !next) return undefined;
    w.members[place] = next;
    w.strategies = w.strategies.filter(({ owner }) => owner !== gone);
    w.indicators = w.indicators.filter(({ owner }) => owner !== gone);
    await service(w, "grant_premium", {
      user_id: next.id,
      plan_type: "premium_monthly",
      until: new Date(Date.now() + 86_400_000).toISOString(),
    });
    await furnish(w, next);
    return service(w, "delete_user", { user_id: gone.id });
  },
};

/** An event of Stripe's, as the function that has read the provider gives it to the database. */
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

/** A subscription of this month, in a state that changes from read to read, with up to three invoices of one period. */
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
  return remember(world, member, answer);
}

function remember(world: World, owner: Member, answer: Answer): Answer {
  const id = (answer.body as { strategy_id?: string }).strategy_id;
  if (answer.status < 300 && id) keep(world, world.strategies, { id, owner });
  return answer;
}

async function createIndicator(world: World, member: Member): Promise<Answer> {
  const answer = await world.door.insert(member, "custom_indicators", {
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

/** Forgets an older one for each that is beyond what still meets each other. */
function keep(world: World, list: Owned[], one: Owned): void {
  if (list.length < 90) list.push(one);
  else list[Math.floor(world.random() * list.length)] = one;
}

/** Up to six components, of the library and of whoever has published one. */
function components(world: World) {
  return Array.from({ length: Math.floor(world.random() * 7) }, (_, position) =>
    world.random() < 0.3
      ? { component_type: "trend", position, indicator_id: must(pick(world, world.library)) }
      : { component_type: "entry", position, is_custom: true, indicator_id: indicator(world).id },
  );
}

const anyone = (world: World): Member => must(pick(world, world.members));
const strategy = (world: World): Owned => must(pick(world, world.strategies));
const indicator = (world: World): Owned => must(pick(world, world.indicators));
const provider = (world: World): string => must(pick(world, ["openai", "anthropic", "google"]));

function pick<T>(world: Pick<World, "random">, list: readonly T[]): T | undefined {
  return list[Math.floor(world.random() * list.length)];
}

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the mix has run out of what it needs");
  return value;
}

function rpc(world: World, member: Member, name: string, args: Record<string, unknown>) {
  return world.door.rpc(member, name, args);
}

function service(world: World, name: string, args: Record<string, unknown>) {
  return world.door.rpc(null, name, args);
}

/** A repeatable source of numbers from 0 to 1 (mulberry32), so that a mix can be told by its seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
