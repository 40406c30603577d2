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

/** All scenarios that are measured in the database. */
export function scenarios(sizes: Sizes): Scenario[] {
  const anyUser = () => Math.floor(Math.random() * sizes.users);
  const anyStrategy = () => Math.floor(Math.random() * sizes.strategies);
  const owner = (strategy: number) => strategy % sizes.users;

  const read = (
    side: Side,
    database: Side,
    text: string,
    of: "user" | "strategy" | "nobody",
  ): Variant => ({
    side,
    database,
    request: () => {
      const strategy = anyStrategy();
      const user = owner(strategy);
      const parameter = { user: userId(user), strategy: strategyId(strategy), nobody: null }[of];
      const statement = parameter === null ? ([text] as const) : ([text, parameter] as const);
      return {
        role: side === "bare" ? "service_role" : "authenticated",
        user,
        statements: [statement],
      };
    },
  });

  const consume = (user: () => number): Variant[] => [
    {
      side: "ours",
      database: "ours",
      request: () => ({
        role: "authenticated",
        user: user(),
        statements: [["select public.consume_credits(1, 'bench', $1)", randomUUID()]],
      }),
    },
    {
      side: "seed",
      database: "seed",
      request: () => {
        const who = user();
        const text =
          "update public.users set credits = credits - 1 where id = $1 and credits >= 1 returning credits";
        return { role: "authenticated", user: who, statements: [[text, userId(who)]] };
      },
    },
    {
      side: "bare",
      database: "bare",
      request: () => {
        const who = user();
        return {
          role: "service_role",
          user: who,
          statements: [
            [
              "update public.users set credits = credits - 1 where id = $1 and credits >= 1 returning credits",
              userId(who),
            ],
            [
              "insert into public.credit_transactions (user_id, kind, delta, balance_after, reason, idempotency_key) values ($1, 'consume', -1, 0, 'bench', $2) returning id",
              userId(who),
              randomUUID(),
            ],
          ],
        };
      },
    },
  ];

  // Each user redeems each coupon once. More than ten attempts of a user would be refused.
  const couponOf = (n: number) => `BENCH${Math.floor(n / sizes.users) % sizes.coupons}`;
  const redeem: Variant[] = [
    {
      side: "ours",
      database: "ours",
      request: (n) => ({
        role: "service_role",
        user: 0,
        statements: [["select public.redeem_coupon($1, $2)", userId(n % sizes.users), couponOf(n)]],
      }),
    },
    ...(["seed", "bare"] as const).map(
      (side): Variant => ({
        side,
        database: side,
        request: (n) => {
          const id = side === "seed" ? "coupon_id" : "code";
          const insert =
            side === "seed"
              ? "insert into public.user_coupons (user_id, coupon_id) select $1, id from public.coupons where code = $2"
              : `insert into public.user_coupons (user_id, ${id}) values ($1, $2)`;
          return {
            role: "service_role",
            user: 0,
            statements: [
              [
                "update public.coupons set current_uses = current_uses + 1 where code = $1 and is_active and (max_uses is null or current_uses < max_uses) returning code",
                couponOf(n),
              ],
              [insert, userId(n % sizes.users), couponOf(n)],
            ],
          };
        },
      }),
    ),
  ];

  // Counts sixty attempts a minute in a sliding window, in one statement.
  const attempt = `
    insert into public.attempts as a (user_id, bucket, attempted_at, expires_at)
    values ($1, 'read_api_key', array[clock_timestamp()], clock_timestamp() + interval '1 minute')
    on conflict (user_id, bucket) do update
      set attempted_at = array(
            select t from unnest(a.attempted_at) as t where t > clock_timestamp() - interval '1 minute' order by t
          ) || clock_timestamp(),
          expires_at = excluded.expires_at
      where (select count(*) from unnest(a.attempted_at) as t where t > clock_timestamp() - interval '1 minute') < 60
    returning user_id`;
  const decrypt: Variant[] = [
    {
      side: "ours",
      database: "ours",
      request: (n) => ({
        role: "service_role",
        user: 0,
        statements: [
          ["select public.get_decrypted_api_key($1, 'openai', null)", userId(n % sizes.keys)],
        ],
      }),
    },
    {
      side: "seed",
      database: "seed",
      request: (n) => ({
        role: "service_role",
        user: 0,
        statements: [
          [
            "select public.decrypt_api_key(key_encrypted, $2) from public.api_keys where user_id = $1 and provider = 'openai'",
            userId(n % sizes.keys),
            seedSecret,
          ],
        ],
      }),
    },
    {
      side: "bare",
      database: "bare",
      request: (n) => ({
        role: "service_role",
        user: 0,
        statements: [
          [attempt, userId(n % sizes.keys)],
          [
            "select convert_from(extensions.decrypt_iv(data, convert_to($2, 'utf8'), iv, 'aes-cbc/pad:pkcs'), 'utf8') from public.api_keys where user_id = $1",
            userId(n % sizes.keys),
            seedSecret,
          ],
          [
            "insert into public.api_key_events (user_id, provider, action) values ($1, 'openai', 'decrypted')",
            userId(n % sizes.keys),
          ],
        ],
      }),
    },
  ];

  const config = (n: number) => ({ risk: 0.01, pair: "BTC/USD", note: "y".repeat(200), n });
  const save: Variant[] = [
    {
      side: "ours",
      database: "ours",
      request: (n) => {
        const strategy = anyStrategy();
        return {
          role: "authenticated",
          user: owner(strategy),
          statements: [
            [
              "select public.save_strategy(strategy_id => $1, config => $2)",
              strategyId(strategy),
              config(n),
            ],
          ],
        };
      },
    },
    {
      side: "seed",
      database: "seed",
      request: (n) => {
        const strategy = anyStrategy();
        const id = strategyId(strategy);
        return {
          role: "authenticated",
          user: owner(strategy),
          statements: [
            [
              "update public.strategies set config = $2, updated_at = now() where id = $1",
              id,
              config(n),
            ],
            [
              "insert into public.strategy_versions (strategy_id, version_number, config) select $1, max(version_number) + 1, $2 from public.strategy_versions where strategy_id = $1",
              id,
              config(n),
            ],
          ],
        };
      },
    },
  ];

  const both = [1, 16];
  return [
    {
      name: "own list",
      clients: both,
      variants: [
        read("ours", "ours", list("current_version,"), "user"),
        read("seed", "seed", list(""), "user"),
        read("bare", "ours", list("current_version,"), "user"),
      ],
    },
    {
      name: "open one",
      clients: both,
      variants: [
        read("ours", "ours", open("s.current_version,"), "strategy"),
        read("seed", "seed", open(""), "strategy"),
        read("bare", "ours", open("s.current_version,"), "strategy"),
      ],
    },
    {
      name: "get_strategy",
      clients: both,
      variants: [
        read("ours", "ours", "select public.get_strategy($1)", "strategy"),
        read("seed", "seed", open(""), "strategy"),
        read("bare", "ours", open("s.current_version,"), "strategy"),
      ],
    },
    {
      name: "public page",
      clients: both,
      variants: [
        read("ours", "ours", page, "nobody"),
        read("seed", "seed", page, "nobody"),
        read("bare", "ours", page, "nobody"),
      ],
    },
    {
      name: "list_public_strategies",
      clients: both,
      variants: [
        read("ours", "ours", "select public.list_public_strategies()", "nobody"),
        read("seed", "seed", page, "nobody"),
        read("bare", "ours", page, "nobody"),
      ],
    },
    ...(
      [
        ["without a hit", "zebra"],
        // A number that the newest strategies do not have in their names.
        ["of a rare word", `${Math.floor(sizes.strategies / 20) * 10}`],
        ["of a common word", "strategy"],
      ] as const
    ).map(
      ([what, words]): Scenario => ({
        // The bare side is the first page without a search: a third of its throughput is the aim.
        name: `search ${what}, to the first page`,
        clients: both,
        variants: [
          read(
            "ours",
            "ours",
            `select public.list_public_strategies(search => '${words}')`,
            "nobody",
          ),
          read("bare", "ours", "select public.list_public_strategies()", "nobody"),
        ],
      }),
    ),
    { name: "consume_credits", clients: both, variants: consume(anyUser) },
    { name: "consume_credits, one account", clients: [16], variants: consume(() => 0) },
    { name: "redeem_coupon, one coupon", clients: both, variants: redeem },
    { name: "get_decrypted_api_key", clients: both, variants: decrypt },
    { name: "save_strategy", clients: both, variants: save },
    {
      name: "sweep with nothing due",
      clients: [1],
      variants: [
        {
          side: "ours",
          database: "ours",
          request: () => ({
            role: "service_role",
            user: 0,
            statements: [["select public.sweep()"]],
          }),
        },
      ],
    },
  ];
}
