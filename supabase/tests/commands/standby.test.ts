import { randomUUID } from "node:crypto";
import {
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import postgres from "postgres";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  type PostgresServer,
  pushMigrations,
  type ScratchPlatform,
  startPostgres,
  startScratchPlatform,
} from "../support/database.ts";
import { loadSecrets } from "../support/local-stack.ts";
import { actAs } from "../support/transactions.ts";

/**
 * A read replica and a failover, with the Postgres of the npm package. It has no pg_basebackup, so this file copies the data
 * in the same way, between pg_backup_start and pg_backup_stop. The replica then follows by streaming.
 */

let platform: ScratchPlatform;
let folder: string;
let primaryData: string;
let standby: PostgresServer;
let primaryUrl: string;
let primary: postgres.Sql;
let replica: postgres.Sql;
const person = randomUUID();

beforeAll(async () => {
  platform = await startScratchPlatform();
  const url = await platform.createDatabase("main", "revoked");
  await pushMigrations(url);
  primaryUrl = url;
  primary = connectTo(url);
  await primary`insert into auth.users (id, email) values (${person}, 'a@standby.test')`;
  folder = await mkdtemp(join(tmpdir(), "pinebase-standby-"));
  standby = await startStandby(new URL(url).port);
  const own = new URL(url);
  own.port = String(standby.port);
  replica = connectTo(own.href);
});

afterAll(async () => {
  await Promise.all([primary?.end(), replica?.end()]);
  await standby?.stop();
  await platform?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const connectTo = (url: string) => postgres(url, { max: 1, onnotice: () => {} });

/** Copies the running cluster and starts the copy as a standby that each commit waits for. */
async function startStandby(port: string): Promise<PostgresServer> {
  const data = join(folder, "postgres");
  const password = await platform.asAdmin("template1", async (sql) => {
    const [found] = await sql`select current_setting('data_directory') as data`;
    primaryData = String(found?.data);
    const secrets = await loadSecrets(dirname(primaryData));
    await sql`select pg_create_physical_replication_slot('standby', true)`;
    await sql`select pg_backup_start('standby', true)`;
    const left = /^(postmaster\.(pid|opts)|pg_internal\.init.*|pgsql_tmp.*)$/;
    await cp(primaryData, data, {
      recursive: true,
      filter: (path) =>
        !left.test(basename(path)) &&
        !/^(pg_wal|pg_replslot|pg_dynshmem|pg_notify|pg_stat_tmp)$/.test(basename(dirname(path))),
    });
    const [backup] = await sql`select labelfile from pg_backup_stop(false)`;
    const connection = `host=127.0.0.1 port=${port} user=supabase_admin password=${secrets.superuserPassword}`;
    await writeFile(join(data, "backup_label"), String(backup?.labelfile));
    await writeFile(join(data, "standby.signal"), "");
    await writeFile(
      join(data, "postgresql.auto.conf"),
      `primary_conninfo = '${connection}'\nprimary_slot_name = 'standby'\n`,
    );
    return secrets.superuserPassword;
  });
  await mkdir(join(data, "pg_wal"), { recursive: true });
  await giveTo(data, await stat(primaryData));
  const server = await startPostgres({
    dir: folder,
    port: 0,
    superuser: "supabase_admin",
    password,
  });
  await platform.asAdmin("template1", async (sql) => {
    await sql`alter system set synchronous_standby_names = '*'`;
    await sql`select pg_reload_conf()`;
  });
  return server;
}

/** Gives the copy to the owner of the cluster, which is another user if root runs the tests. */
async function giveTo(path: string, { uid, gid }: { uid: number; gid: number }): Promise<void> {
  await chown(dirname(path), uid, gid);
  await chown(path, uid, gid);
  for (const name of await readdir(path, { recursive: true })) {
    await chown(join(path, name), uid, gid);
  }
}

/** Runs a statement as PostgREST does, as the user or as a visitor. */
function request(
  sql: postgres.Sql,
  role: "anon" | "authenticated",
  text: string,
  ...args: string[]
) {
  return sql.begin(async (tx) => {
    await actAs(tx, role === "anon" ? { role } : { role, sub: person });
    const [row] = await tx.unsafe(text, args);
    return row?.answer;
  });
}

/**
 * Spends a credit over a client of one connection. It is sent as one message, because the driver throws when its server
 * stops within a transaction.
 */
async function spend(sql: postgres.Sql, key: string): Promise<unknown> {
  const claims = JSON.stringify({ role: "authenticated", sub: person });
  const results = await sql
    .unsafe(
      `begin;
      select set_config('role', 'authenticated', true), set_config('request.jwt.claims', '${claims}', true);
      select public.consume_credits(amount => 1, idempotency_key => '${key}') as answer;
      commit`,
    )
    .simple();
  return results.flat().find((row) => "answer" in row)?.answer;
}

it("a standby serves reads of tables and the RPCs that only read, and refuses writes", async () => {
  const saved = await request(
    primary,
    "authenticated",
    "select public.save_strategy(name => 'Copied', config => '{}', components => '[]', is_public => true) as answer",
  );
  const id = String(saved.strategy_id);
  // A commit waits until the standby has written it, but not until it is applied there.
  await expect
    .poll(() =>
      request(replica, "authenticated", "select count(*)::int as answer from public.strategies"),
    )
    .toBe(1);

  for (const role of ["anon", "authenticated"] as const) {
    const read = (text: string, ...args: string[]) => request(replica, role, text, ...args);
    expect(await read("select public.get_strategy($1) as answer", id)).toMatchObject({
      name: "Copied",
    });
    expect(
      await read("select public.list_public_strategies(search => 'copied') as answer"),
    ).toMatchObject({ items: [{ name: "Copied" }] });
    expect(
      await read(
        "select count(*)::int as answer from public.search_indicators(search => 'average')",
      ),
    ).toBeGreaterThan(0);
    expect(
      await read("select count(*)::int as answer from public.list_llm_providers()"),
    ).toBeGreaterThan(0);
    expect(await read("select count(*)::int as answer from public.plans")).toBeGreaterThan(0);
  }
  expect(
    await request(replica, "authenticated", "select credits as answer from public.users"),
  ).toBe(5);
  // 25006: the transaction is read-only.
  const refused = request(replica, "authenticated", "select public.consume_credits(1) as answer");
  await expect(refused).rejects.toMatchObject({ code: "25006" });
});

it("a standby that is promoted under load has every acknowledged write", async () => {
  await primary`select public.grant_credits(${person}, 1000000, 'load', 'standby-load')`;
  const acknowledged: string[] = [];
  const client = async () => {
    const sql = connectTo(primaryUrl);
    try {
      for (;;) {
        const key = randomUUID();
        await spend(sql, key);
        acknowledged.push(key);
      }
    } catch {
      // The primary has stopped.
    } finally {
      await sql.end({ timeout: 1 });
    }
  };
  const load = Promise.all(Array.from({ length: 4 }, client));
  await expect.poll(() => acknowledged.length, { timeout: 60_000 }).toBeGreaterThan(50);

  // The primary stops at once, as if its machine had failed.
  const pid = Number((await readFile(join(primaryData, "postmaster.pid"), "utf8")).split("\n")[0]);
  process.kill(pid, "SIGQUIT");
  await load;

  const admin = postgres(adminOptions(await loadSecrets(dirname(primaryData))));
  await admin`select pg_promote(true, 60)`;
  await admin.end();

  const [books] = await replica`
    select
      (select count(*)::int from public.credit_transactions where idempotency_key = any(${acknowledged})) as kept,
      (select sum(delta)::int from public.credit_transactions where user_id = ${person}) as sum,
      (select credits from public.users where id = ${person}) as credits
  `;
  expect(books?.kept).toBe(acknowledged.length);
  expect(books?.sum).toBe(books?.credits);
  // A client that repeats an acknowledged request pays once.
  const key = acknowledged.at(-1) ?? "";
  expect(await spend(replica, key)).toMatchObject({ replayed: true });
  expect(await spend(replica, randomUUID())).toMatchObject({ replayed: false });
});

function adminOptions({ superuserPassword }: { superuserPassword: string }) {
  return {
    host: "127.0.0.1",
    port: standby.port,
    user: "supabase_admin",
    password: superuserPassword,
    database: "template1",
    max: 1,
  };
}
