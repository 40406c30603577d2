import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ScratchFolder, scratchFolder } from "../support/commands.ts";
import {
  createPlatformDatabase,
  type PostgresServer,
  preparePlatform,
  pushMigrations,
  startPostgres,
  superuserUrl,
} from "../support/database.ts";
import { loadSecrets, type Secrets } from "../support/local-stack.ts";

/**
 * Postgres is killed while clients spend credits, redeem coupons and save strategies, and is started again. Everything that
 * was answered must be there, everything else can be sent again, and all sums must agree. The server is this file's own.
 */

const people = Array.from({ length: 24 }, () => randomUUID());
const maxUses = 9;
let folder: ScratchFolder;
let secrets: Secrets;
let server: PostgresServer;

const options = () => ({
  dir: folder.path,
  port: server?.port ?? 0,
  superuser: "supabase_admin",
  password: secrets.superuserPassword,
});

/** Connections for which a commit is answered only when it is on disk. */
function connect(max: number): postgres.Sql {
  const url = `postgresql://postgres:${secrets.databasePassword}@127.0.0.1:${server.port}/stopped`;
  const connection = { synchronous_commit: "on" };
  return postgres(url, { max, connection, ssl: false, onnotice: () => {}, connect_timeout: 5 });
}

beforeAll(async () => {
  folder = await scratchFolder();
  secrets = await loadSecrets(folder.path);
  server = await startPostgres(options());
  const adminUrl = (database: string) => superuserUrl(options(), database);
  await preparePlatform(adminUrl, secrets);
  await createPlatformDatabase(adminUrl, "stopped", "revoked");
  const sql = connect(1);
  try {
    await pushMigrations(
      `postgresql://postgres:${secrets.databasePassword}@127.0.0.1:${server.port}/stopped?sslmode=disable`,
    );
    await sql`
      insert into auth.users (id, aud, role, email)
      select id, 'authenticated', 'authenticated', id || '@stopped.test'
      from unnest(${people}::uuid[]) as id
    `;
    await sql`select public.grant_credits(id, 9995) from public.users`;
    await sql`
      insert into public.coupons (code, discount_percent, max_uses)
      select 'STOP-' || n, 10, ${maxUses} from generate_series(1, 9) as n
    `;
    // Each user has one strategy, with the user's id.
    await sql`
      insert into public.strategies (id, user_id, name, config) select id, id, 'Stopped', '{}' from public.users
    `;
  } finally {
    await sql.end();
  }
});

afterAll(async () => {
  await server?.stop();
  await folder?.remove();
});

/** A charge and its refund: the ids of their ledger rows, or null where no answer came. */
interface Attempt {
  user: string;
  key: string;
  charged: number | null;
  refunded: number | null;
}

/** Charges, refunds every second charge, redeems a coupon and saves a strategy, again and again until the server is gone. */
async function load(
  sql: postgres.Sql,
  attempts: Attempt[],
  redeemed: Set<string>,
  saved: Set<string>,
): Promise<void> {
  for (;;) {
    const user = people[Math.floor(Math.random() * people.length)] ?? "";
    const attempt: Attempt = { user, key: randomUUID(), charged: null, refunded: null };
    attempts.push(attempt);
    const code = `STOP-${1 + Math.floor(Math.random() * 9)}`;
    try {
      const [charge] =
        await sql`select (public.charge_credits(${user}, 1, 'Load', ${attempt.key}) ->> 'transaction_id')::int as id`;
      attempt.charged = charge?.id;
      if (attempts.length % 2 === 0) {
        const [refund] =
          await sql`select (public.refund_credits(${user}, ${attempt.key}) ->> 'transaction_id')::int as id`;
        attempt.refunded = refund?.id;
      }
      const [redemption] = await sql`select public.redeem_coupon(${user}, ${code}) ->> 'ok' as ok`;
      if (redemption?.ok === "true") redeemed.add(`${user} ${code}`);
      saved.add(`${user} ${await saveStrategy(sql, user, attempt.key)}`);
    } catch (error) {
      if (error instanceof postgres.PostgresError && !/^(57P0|08)/.test(error.code)) throw error;
      return;
    }
  }
}

/**
 * Saves a new content as the user's own session does; gives the number of the version. It is sent as one message, because
 * the driver throws outside of every promise when its server stops within a transaction.
 */
async function saveStrategy(sql: postgres.Sql, user: string, content: string): Promise<number> {
  const claims = JSON.stringify({ sub: user, role: "authenticated" });
  const results = await sql
    .unsafe(
      `select set_config('role', 'authenticated', true), set_config('request.jwt.claims', '${claims}', true);
      select (
        public.save_strategy(strategy_id => '${user}', config => '${JSON.stringify({ content })}') ->> 'version_number'
      )::int as version`,
    )
    .simple();
  const saved = results.flat().find((row) => "version" in row);
  return Number(saved?.version ?? 0);
}

async function killServer(): Promise<void> {
  const [pid] = (await readFile(join(folder.path, "postgres", "postmaster.pid"), "utf8")).split(
    "\n",
  );
  process.kill(Number(pid), "SIGKILL");
  await server.ended;
}

describe("Postgres, killed in the middle of the load and started again", () => {
  it("has lost nothing that it had answered, and all sums agree", async () => {
    const attempts: Attempt[] = [];
    const redeemed = new Set<string>();
    const saved = new Set<string>();
    const clients = connect(8);
    const running = Array.from({ length: 8 }, () => load(clients, attempts, redeemed, saved));
    while (attempts.length < 400) await new Promise((resolve) => setImmediate(resolve));
    await killServer();
    await Promise.all(running);
    await clients.end({ timeout: 0 });

    server = await startPostgres(options());
    const sql = connect(1);
    try {
      const kept = new Set(
        (await sql`select id::int from public.credit_transactions`).map(({ id }) => id),
      );
      const answered = attempts.flatMap(({ charged, refunded }) =>
        [charged, refunded].filter((id) => id !== null),
      );
      expect(answered.length).toBeGreaterThan(200);
      expect(answered.filter((id) => !kept.has(id))).toEqual([]);
      expect(await sql`select * from private.check_ledger()`).toHaveLength(0);

      const found = await sql`
        select r.user_id || ' ' || c.code as redemption
        from public.user_coupons as r join public.coupons as c on c.id = r.coupon_id
      `;
      const present = new Set(found.map(({ redemption }) => redemption));
      expect(redeemed.size).toBeGreaterThan(9);
      expect([...redeemed].filter((one) => !present.has(one))).toEqual([]);
      expect(await couponsThatDisagree(sql)).toHaveLength(0);

      const versions = await sql`
        select v.strategy_id || ' ' || v.version_number as version from public.strategy_versions as v
      `;
      const written = new Set(versions.map(({ version }) => version));
      expect(saved.size).toBeGreaterThan(100);
      expect([...saved].filter((one) => !written.has(one))).toEqual([]);
      expect(await historiesWithGaps(sql)).toHaveLength(0);

      // Requests without an answer are sent again, and count once.
      for (const { user, key } of attempts.filter(({ charged }) => charged === null)) {
        await sql`select public.charge_credits(${user}, 1, 'Load', ${key})`;
      }
      const [sum] = await sql`
        select
          (select sum(credits)::int from public.users) as credits,
          (select count(*)::int from public.credit_transactions where kind = 'refund') as refunds
      `;
      expect(sum?.credits).toBe(people.length * 10_000 - attempts.length + sum?.refunds);
      expect(await sql`select * from private.check_ledger()`).toHaveLength(0);
    } finally {
      await sql.end();
    }
  });
});

function couponsThatDisagree(sql: postgres.Sql) {
  return sql`
    select c.code
    from public.coupons as c
    where c.current_uses > ${maxUses}
      or c.current_uses <> (select count(*) from public.user_coupons as r where r.coupon_id = c.id)
  `;
}

function historiesWithGaps(sql: postgres.Sql) {
  return sql`
    select s.id
    from public.strategies as s
    join public.strategy_versions as v on v.strategy_id = s.id
    group by s.id
    having max(v.version_number) <> s.current_version
      or max(v.version_number) - min(v.version_number) + 1 <> count(*)
  `;
}
