import { randomUUID } from "node:crypto";
import { type Side, type Sizes, seedSecret, strategyId, userId } from "./databases.ts";

/** One request of a scenario: the statements of one transaction, and its role. */
export interface Request {
  role: "authenticated" | "anon" | "service_role";
  /** The number of the signed-in user. */
  user: number;
  statements: readonly (readonly [text: string, ...parameters: unknown[]])[];
}

/** The requests of one side. */
export interface Variant {
  side: Side;
  /** The database. The bare side reads some rows in ours, as a role that bypasses policies. */
  database: Side;
  /** The nth request; `n` never repeats within a run. */
  request(n: number): Request;
}

/** Something that an app does, by up to three sides. */
export interface Scenario {
  name: string;
  clients: readonly number[];
  variants: readonly Variant[];
}

const list = (version: string) => `
  select id, name, description, market_type, timeframe, is_public, ${version} updated_at
  from public.strategies where user_id = $1 order by created_at desc limit 20`;
const open = (version: string) => `
  select s.id, s.name, s.description, s.market_type, s.timeframe, s.config, ${version} (
    select json_agg(c) from (
      select c.component_type, c.position, c.is_custom, c.indicator_id, c.parameters
      from public.strategy_components as c where c.strategy_id = s.id order by c.component_type, c.position
    ) as c
  ) as components
  from public.strategies as s where s.id = $1`;
const page = `
  select id, name, description, market_type, timeframe, created_at, updated_at
  from public.strategies where is_public order by created_at desc, id desc limit 20`;

const spend =
  "update public.users set credits = credits - 1 where id = $1 and credits >= 1 returning credits";
const spendEntry =
  "insert into public.credit_transactions (user_id, kind, delta, balance_after, reason, idempotency_key) values ($1, 'consume', -1, 0, 'bench', $2) returning id";
const useCoupon =
  "update public.coupons set current_uses = current_uses + 1 where code = $1 and is_active and (max_uses is null or current_uses < max_uses) returning code";
// Counts sixty attempts a minute in a sliding window, in one statement.
const countAttempt = `
  insert into public.attempts as a (user_id, bucket, attempted_at, expires_at)
  values ($1, 'read_api_key', array[clock_timestamp()], clock_timestamp() + interval '1 minute')
  on conflict (user_id, bucket) do update
    set attempted_at = array(
          select t from unnest(a.attempted_at) as t where t > clock_timestamp() - interval '1 minute' order by t
        ) || clock_timestamp(),
        expires_at = excluded.expires_at
    where (select count(*) from unnest(a.attempted_at) as t where t > clock_timestamp() - interval '1 minute') < 60
  returning user_id`;
const decryptKey =
  "select convert_from(extensions.decrypt_iv(data, convert_to($2, 'utf8'), iv, 'aes-cbc/pad:pkcs'), 'utf8') from public.api_keys where user_id = $1";
const saveVersion =
  "insert into public.strategy_versions (strategy_id, version_number, config) select $1, max(version_number) + 1, $2 from public.strategy_versions where strategy_id = $1";

const variant = (side: Side, request: Variant["request"], database = side): Variant => ({
  side,
  database,
  request,
});
const asUser = (user: number, ...statements: Request["statements"]): Request => ({
  role: "authenticated",
  user,
  statements,
});
const asService = (...statements: Request["statements"]): Request => ({
  role: "service_role",
  user: 0,
  statements,
});

/** All scenarios that are measured in the database. */
export function scenarios(sizes: Sizes): Scenario[] {
  const anyUser = () => Math.floor(Math.random() * sizes.users);
  const anyStrategy = () => Math.floor(Math.random() * sizes.strategies);
  const owner = (strategy: number) => strategy % sizes.users;
  const both = [1, 16];

  /** One read-only statement with the id of a user, of a strategy, or without a parameter. */
  const read = (side: Side, text: string, of: "user" | "strategy" | "nobody"): Variant =>
    variant(
      side,
      () => {
        const strategy = anyStrategy();
        const user = owner(strategy);
        const parameters = { user: [userId(user)], strategy: [strategyId(strategy)], nobody: [] };
        const statement = [text, ...parameters[of]] as const;
        return side === "bare" ? asService(statement) : asUser(user, statement);
      },
      // The bare side reads our rows, as a role that bypasses policies.
      side === "bare" ? "ours" : side,
    );

  const reading = (
    name: string,
    of: "user" | "strategy" | "nobody",
    texts: Record<Side, string>,
  ): Scenario => ({
    name,
    clients: both,
    variants: [
      read("ours", texts.ours, of),
      read("seed", texts.seed, of),
      read("bare", texts.bare, of),
    ],
  });

  /** The bare side is the first page without a search: a third of its throughput is the aim. */
  const search = (what: string, words: string): Scenario => ({
    name: `search ${what}, to the first page`,
    clients: both,
    variants: [
      read("ours", `select public.list_public_strategies(search => '${words}')`, "nobody"),
      read("bare", "select public.list_public_strategies()", "nobody"),
    ],
  });

  const consume = (user: () => number): Variant[] => [
    variant("ours", () =>
      asUser(user(), ["select public.consume_credits(1, 'bench', $1)", randomUUID()]),
    ),
    variant("seed", () => {
      const who = user();
      return asUser(who, [spend, userId(who)]);
    }),
    variant("bare", () => {
      const id = userId(user());
      return asService([spend, id], [spendEntry, id, randomUUID()]);
    }),
  ];

  // Each user redeems each coupon once. More than ten attempts of a user would be refused.
  const couponOf = (n: number) => `BENCH${Math.floor(n / sizes.users) % sizes.coupons}`;
  const redeemBy = (insert: string) => (n: number) =>
    asService([useCoupon, couponOf(n)], [insert, userId(n % sizes.users), couponOf(n)]);
  const redeem = [
    variant("ours", (n) =>
      asService(["select public.redeem_coupon($1, $2)", userId(n % sizes.users), couponOf(n)]),
    ),
    variant(
      "seed",
      redeemBy(
        "insert into public.user_coupons (user_id, coupon_id) select $1, id from public.coupons where code = $2",
      ),
    ),
    variant("bare", redeemBy("insert into public.user_coupons (user_id, code) values ($1, $2)")),
  ];

  const keyOwner = (n: number) => userId(n % sizes.keys);
  const decrypt = [
    variant("ours", (n) =>
      asService(["select public.get_decrypted_api_key($1, 'openai', null)", keyOwner(n)]),
    ),
    variant("seed", (n) =>
      asService([
        "select public.decrypt_api_key(key_encrypted, $2) from public.api_keys where user_id = $1 and provider = 'openai'",
        keyOwner(n),
        seedSecret,
      ]),
    ),
    variant("bare", (n) =>
      asService(
        [countAttempt, keyOwner(n)],
        [decryptKey, keyOwner(n), seedSecret],
        [
          "insert into public.api_key_events (user_id, provider, action) values ($1, 'openai', 'decrypted')",
          keyOwner(n),
        ],
      ),
    ),
  ];

  const config = (n: number) => ({ risk: 0.01, pair: "BTC/USD", note: "y".repeat(200), n });
  const save = [
    variant("ours", (n) => {
      const strategy = anyStrategy();
      const text = "select public.save_strategy(strategy_id => $1, config => $2)";
      return asUser(owner(strategy), [text, strategyId(strategy), config(n)]);
    }),
    variant("seed", (n) => {
      const strategy = anyStrategy();
      const id = strategyId(strategy);
      return asUser(
        owner(strategy),
        [
          "update public.strategies set config = $2, updated_at = now() where id = $1",
          id,
          config(n),
        ],
        [saveVersion, id, config(n)],
      );
    }),
  ];

  const openOurs = open("s.current_version,");
  return [
    reading("own list", "user", {
      ours: list("current_version,"),
      seed: list(""),
      bare: list("current_version,"),
    }),
    reading("open one", "strategy", { ours: openOurs, seed: open(""), bare: openOurs }),
    reading("get_strategy", "strategy", {
      ours: "select public.get_strategy($1)",
      seed: open(""),
      bare: openOurs,
    }),
    reading("public page", "nobody", { ours: page, seed: page, bare: page }),
    reading("list_public_strategies", "nobody", {
      ours: "select public.list_public_strategies()",
      seed: page,
      bare: page,
    }),
    search("without a hit", "zebra"),
    // A number that the newest strategies do not have in their names.
    search("of a rare word", `${Math.floor(sizes.strategies / 20) * 10}`),
    search("of a common word", "strategy"),
    { name: "consume_credits", clients: both, variants: consume(anyUser) },
    { name: "consume_credits, one account", clients: [16], variants: consume(() => 0) },
    { name: "redeem_coupon, one coupon", clients: both, variants: redeem },
    { name: "get_decrypted_api_key", clients: both, variants: decrypt },
    { name: "save_strategy", clients: both, variants: save },
    {
      name: "sweep with nothing due",
      clients: [1],
      variants: [variant("ours", () => asService(["select public.sweep()"]))],
    },
  ];
}
