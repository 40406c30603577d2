import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Sql } from "postgres";
import type { ScratchPlatform } from "../scripts/lib/scratch-platform.ts";
import { pushMigrations } from "../scripts/local/migrations.ts";
import { projectDir } from "../scripts/local/paths.ts";

/** A side of the comparison, and the name of its database. All are on one server. */
export type Side = "ours" | "seed" | "bare";

/** The sizes of the data set. */
export interface Sizes {
  strategies: number;
  users: number;
  /** Users with a stored key. Each key may be read 60 times a minute. */
  keys: number;
  coupons: number;
}

/** The sizes of a data set with this number of strategies, twenty for each user. */
export function sizesOf(strategies: number): Sizes {
  const users = Math.max(500, Math.ceil(strategies / 20));
  return { strategies, users, keys: Math.min(users, 2_000), coupons: 10 };
}

/** Receives the present step, and its progress from 0 to 1. */
export type OnProgress = (step: string, share: number) => void;

/** The secret of the seed's encryption, which is an argument of every call. */
export const seedSecret = "a secret of the benchmark: 32 by";

/** The id of the nth user, the same in every database. */
export const userId = (n: number) => `00000000-0000-4000-8000-${hex(n)}`;

/** The id of the nth strategy. Its owner is user n modulo the number of users. */
export const strategyId = (n: number) => `10000000-0000-4000-8000-${hex(n)}`;

const hex = (n: number) => n.toString(16).padStart(12, "0");
const sqlUserId = (n: string) =>
  `('00000000-0000-4000-8000-' || lpad(to_hex(${n}), 12, '0'))::uuid`;
const sqlStrategyId = (n: string) =>
  `('10000000-0000-4000-8000-' || lpad(to_hex(${n}), 12, '0'))::uuid`;

/** The columns of strategy n. A tenth of the strategies is public, and each is created a second after the one before. */
const strategy = (users: number) => `
  ${sqlStrategyId("n")} as id, ${sqlUserId(`n % ${users}`)} as user_id, 'Strategy ' || n as name,
  timestamptz '2026-01-01' + n * interval '1 second' as created_at, n % 10 = 0 as is_public, 'crypto' as market_type,
  '1h' as timeframe, jsonb_build_object('risk', 0.01, 'pair', 'BTC/USD', 'note', repeat('x', 200)) as config`;

/**
 * Creates and fills the three databases: ours with every migration, the seed's schema as written, and bare tables without
 * triggers and policies.
 *
 * @returns the URL of each as the role postgres
 */
export async function loadDatabases(
  platform: ScratchPlatform,
  sizes: Sizes,
  onProgress: OnProgress,
): Promise<Record<Side, string>> {
  const url = async (name: Side) => platform.createDatabase(name, "granted");
  const urls = { ours: await url("ours"), seed: await url("seed"), bare: await url("bare") };

  onProgress("Pushing the migrations", 0);
  await pushMigrations(urls.ours);
  await platform.asAdmin("ours", (sql) => loadOurs(sql, sizes, onProgress));
  await platform.asAdmin("seed", (sql) => loadSeed(sql, sizes, onProgress));
  await platform.asAdmin("bare", (sql) => loadBare(sql, sizes, onProgress));
  return urls;
}

/** Fills a database that has every migration. */
export async function loadOurs(sql: Sql, sizes: Sizes, onProgress: OnProgress): Promise<void> {
  const { users, keys } = sizes;
  // Loading is not measured, so triggers are off, and the rows that they would write are inserted here.
  await sql`set session_replication_role = replica`;
  await sql.unsafe(`
    insert into auth.users (id, email)
    select ${sqlUserId("n")}, 'user' || n || '@bench.test' from generate_series(0, ${users - 1}) as n;
    insert into public.users (id, email, credits, is_premium, premium_until)
    select ${sqlUserId("n")}, 'user' || n || '@bench.test', 1000000, true, now() + interval '1 year'
    from generate_series(0, ${users - 1}) as n;
    insert into public.credit_transactions (user_id, kind, delta, balance_after)
    select u.id, 'opening', u.credits, u.credits from public.users as u;
  `);
  await inBatches(sizes.strategies, async (from, to, share) => {
    onProgress("Loading ours", share);
    await sql.unsafe(`
      insert into public.strategies (id, user_id, name, created_at, is_public, market_type, timeframe, config, current_version)
      select s.*, 1 from (select ${strategy(users)} from generate_series(${from}, ${to}) as n) as s;
      insert into private.public_strategies (strategy_id, created_at, market_type, timeframe, words)
      select s.id, s.created_at, s.market_type, s.timeframe, private.search_words(s.name, null, null)
      from (select ${strategy(users)} from generate_series(${from}, ${to}) as n) as s
      where s.is_public;
      insert into public.strategy_components (strategy_id, user_id, indicator_id, indicator_name, component_type, parameters, position)
      select ${sqlStrategyId("n")}, ${sqlUserId(`n % ${users}`)}, '1d000000-0000-4000-8000-000000000001', 'SMA', 'trend', '{"length": 20}', 0
      from generate_series(${from}, ${to}) as n;
      insert into public.strategy_versions (strategy_id, user_id, version_number, config)
      select s.id, s.user_id, 1, jsonb_build_object(
        'name', s.name, 'description', null, 'market_type', s.market_type, 'timeframe', s.timeframe, 'is_ai_generated', false,
        'config', s.config, 'components', '[{"component_type": "trend", "position": 0, "is_custom": false, "indicator_id":
          "1d000000-0000-4000-8000-000000000001", "indicator_name": "SMA", "parameters": {"length": 20}}]'::jsonb
      )
      from (select ${strategy(users)} from generate_series(${from}, ${to}) as n) as s;
    `);
  });
  await sql`set session_replication_role = origin`;
  onProgress("Storing keys", 0);
  await sql.unsafe(`
    insert into public.coupons (code, discount_percent) select 'BENCH' || n, 10 from generate_series(0, ${sizes.coupons - 1}) as n;
  `);
  for (let n = 0; n < keys; n += 1) {
    await sql.begin(async (tx) => {
      await tx`select set_config('request.jwt.claims', ${claims(n)}, true)`;
      await tx`select public.store_api_key('openai', ${`sk-bench-${n}`})`;
    });
    if (n % 100 === 0) onProgress("Storing keys", n / keys);
  }
  await sql`vacuum analyze`;
}

async function loadSeed(sql: Sql, sizes: Sizes, onProgress: OnProgress): Promise<void> {
  const schema = await readFile(join(projectDir, "bench", "seed-schema.sql"), "utf8");
  const { users } = sizes;
  await sql`set search_path = public, extensions`;
  await sql.unsafe(schema);
  await sql.unsafe(`
    grant all on all tables in schema public to anon, authenticated, service_role;
    insert into users (id, email, credits) select ${sqlUserId("n")}, 'user' || n || '@bench.test', 1000000 from generate_series(0, ${users - 1}) as n;
    insert into coupons (code, discount_percent) select 'BENCH' || n, 10 from generate_series(0, ${sizes.coupons - 1}) as n;
    insert into api_keys (user_id, provider, key_encrypted)
    select ${sqlUserId("n")}, 'openai', encrypt_api_key('sk-bench-' || n, '${seedSecret}') from generate_series(0, ${sizes.keys - 1}) as n;
  `);
  await inBatches(sizes.strategies, async (from, to, share) => {
    onProgress("Loading the seed's", share);
    await sql.unsafe(`
      insert into strategies (id, user_id, name, created_at, is_public, market_type, timeframe, config)
      select ${strategy(users)} from generate_series(${from}, ${to}) as n;
      insert into strategy_components (strategy_id, component_type, parameters, position)
      select ${sqlStrategyId("n")}, 'trend', '{"length": 20}', 0 from generate_series(${from}, ${to}) as n;
      insert into strategy_versions (strategy_id, version_number, config)
      select s.id, 1, s.config from (select ${strategy(users)} from generate_series(${from}, ${to}) as n) as s;
    `);
  });
  await sql`vacuum analyze`;
}

async function loadBare(sql: Sql, sizes: Sizes, onProgress: OnProgress): Promise<void> {
  const { users } = sizes;
  onProgress("Loading the bare tables", 0);
  await sql.unsafe(`
    create table users (id uuid primary key, credits integer not null);
    create table credit_transactions (
      id bigint generated always as identity primary key, user_id uuid not null references users (id), kind text not null,
      delta integer not null, balance_after integer not null, reason text, idempotency_key text,
      created_at timestamptz not null default now(), unique (user_id, kind, idempotency_key)
    );
    create table coupons (code text primary key, is_active boolean not null default true, max_uses integer, current_uses integer not null default 0);
    create table user_coupons (user_id uuid references users (id), code text references coupons (code), used_at timestamptz default now(), primary key (user_id, code));
    create table api_keys (user_id uuid primary key, iv bytea not null, data bytea not null);
    create table api_key_events (
      id bigint generated always as identity primary key, user_id uuid not null references users (id), provider text not null, action text not null,
      created_at timestamptz not null default now()
    );
    create index on api_key_events (user_id, id);
    create table attempts (
      user_id uuid, bucket text, attempted_at timestamptz[] not null, expires_at timestamptz not null, primary key (user_id, bucket)
    );
    insert into users select ${sqlUserId("n")}, 1000000 from generate_series(0, ${users - 1}) as n;
    insert into coupons (code) select 'BENCH' || n from generate_series(0, ${sizes.coupons - 1}) as n;
    insert into api_keys
    select ${sqlUserId("n")}, '\\x000102030405060708090a0b0c0d0e0f',
      extensions.encrypt_iv(convert_to('sk-bench-' || n, 'utf8'), '${seedSecret}', '\\x000102030405060708090a0b0c0d0e0f', 'aes-cbc/pad:pkcs')
    from generate_series(0, ${sizes.keys - 1}) as n;
    grant all on all tables in schema public to anon, authenticated, service_role;
  `);
  await sql`vacuum analyze`;
}

/** The claims that PostgREST sets for a user's token. */
export function claims(user: number): string {
  return JSON.stringify({ sub: userId(user), role: "authenticated" });
}

async function inBatches(
  count: number,
  work: (from: number, to: number, share: number) => Promise<void>,
): Promise<void> {
  const size = 10_000;
  for (let from = 0; from < count; from += size) {
    await work(from, Math.min(from + size, count) - 1, from / count);
  }
}

/** Bytes for each row, indexes included, of tables of our database. */
export async function bytesPerRow(
  platform: ScratchPlatform,
  tables: readonly string[],
): Promise<Record<string, number>> {
  return platform.asAdmin("ours", async (sql) => {
    const sizes: Record<string, number> = {};
    for (const table of tables) {
      const [row] = await sql.unsafe(
        `select (pg_total_relation_size('${table}') / greatest(count(*), 1))::int as bytes from ${table}`,
      );
      sizes[table] = Number(row?.bytes);
    }
    return sizes;
  });
}
