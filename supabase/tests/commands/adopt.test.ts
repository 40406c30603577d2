import { randomUUID } from "node:crypto";
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ChildResult, runChild } from "../../../scripts/lib/child.ts";
import { connect } from "../../../scripts/lib/database.ts";
import {
  type ScratchPlatform,
  startScratchPlatform,
} from "../../../scripts/lib/scratch-platform.ts";
import { pushMigrations } from "../../../scripts/local/migrations.ts";
import { projectDir } from "../../../scripts/local/paths.ts";
import { scratchFolder } from "../support/commands.ts";

const secret = "a legacy secret of 32 characters";
const ada = randomUUID();
const bob = randomUUID();
const nobody = randomUUID();
const strategy = randomUUID();
const refusedStrategy = randomUUID();
const custom = randomUUID();
const own = randomUUID();

let platform: ScratchPlatform;
let scratch: Awaited<ReturnType<typeof scratchFolder>>;
let url: string;
let sql: postgres.Sql;
let before: Record<string, unknown>;
let adopted: ChildResult;

beforeAll(async () => {
  platform = await startScratchPlatform();
  scratch = await scratchFolder();
  const supabase = join(scratch.path, "supabase");
  await mkdir(join(supabase, "migrations"), { recursive: true });
  await writeFile(join(supabase, "config.toml"), 'project_id = "an-app"\n');
  const original = join(projectDir, "bench/seed-schema.sql");
  await cp(original, join(supabase, "migrations/20250101000000_original.sql"));
  await writeFile(
    join(supabase, "migrations/20250102000000_own.sql"),
    `create table public.notes (
      id uuid primary key default gen_random_uuid(),
      user_id uuid not null references public.users (id) on delete cascade,
      body text
    );
    create function public.handle_new_user() returns trigger language plpgsql as $$
    begin
      insert into public.users (id, email) values (new.id, new.email);
      return new;
    end $$;`,
  );
  url = await platform.createDatabase("adopted", "granted");
  await pushMigrations(url, scratch.path);
  sql = connect(url);
  await platform.asAdmin("adopted", async (admin) => {
    await admin`
      insert into auth.users (id, email)
      values (${ada}, 'ada@tests.pinebase.test'), (${bob}, 'bob@tests.pinebase.test')`;
  });
  await fill();
  before = await snapshot();
});

afterAll(async () => {
  await sql?.end();
  await platform?.stop();
  await scratch?.remove();
});

describe("a database of the original schema", () => {
  it("is left alone by a dry run", async () => {
    const { output, code } = await pinebase("adopt", `--remote=${url}`, "--dry-run");
    expect(output).toContain("pinebase_adopt.sql");
    expect(code).toBe(0);
    expect(await readdir(join(scratch.path, "supabase/migrations"))).toHaveLength(2);
    expect(await snapshot()).toEqual(before);
  });

  it("is not adopted without a yes", async () => {
    const { output, code } = await pinebase("adopt", `--remote=${url}`);
    expect(output).toContain("--yes");
    expect(code).toBe(1);
    expect(await snapshot()).toEqual(before);
  });

  it("is told to adopt by a plain add", async () => {
    const { output, code } = await pinebase("add");
    expect(output).toMatch(/table users, made by .*_original\.sql/);
    expect(output).toContain("npx pinebase adopt");
    expect(code).toBe(1);
  });
});

describe("adopting it", () => {
  beforeAll(async () => {
    adopted = await pinebase("adopt", `--remote=${url}`, "--plan", "pro=premium_monthly", "--yes");
  });

  it("says how many rows of each table came, and of each refused one why", () => {
    expect(adopted.output).toContain("users: 2 imported, 1 refused");
    expect(adopted.output).toMatch(new RegExp(`refused: users ${nobody}: Auth has no user`));
    expect(adopted.output).toMatch(
      new RegExp(`refused: strategies ${refusedStrategy}: .*market_type_known`),
    );
    expect(adopted.output).toContain("coupons: 1 imported, 1 refused");
    expect(adopted.code).toBe(2);
  });

  it("keeps the original rows in schema legacy", async () => {
    const [row] = await sql`select count(*)::int as users from legacy.users`;
    expect(row).toEqual({ users: 3 });
  });

  it("carries balances over by the ledger", async () => {
    const rows = await sql`
      select u.credits, (select sum(delta)::int from public.credit_transactions as t where t.user_id = u.id) as ledger
      from public.users as u
      order by u.email`;
    expect([...rows]).toEqual([
      { credits: 42, ledger: 42 },
      { credits: 0, ledger: 0 },
    ]);
  });

  it("makes premium who has paid, by the plan that was named", async () => {
    const rows = await sql`select is_premium from public.users order by email`;
    expect([...rows]).toEqual([{ is_premium: true }, { is_premium: false }]);
  });

  it("reads the old keys once their secret is in Vault, and seals them anew", async () => {
    const read = () => sql`
      select public.get_decrypted_api_key(${ada}, 'openai', 'test') ->> 'api_key' as key`;
    expect([...(await read())]).toEqual([{ key: "sk-ada" }]);
    await sql`select public.reencrypt_api_keys()`;
    const [row] = await sql`select secret_version, key_encrypted from public.api_keys`;
    expect(row?.secret_version).toBeGreaterThan(0);
    expect([...(await read())]).toEqual([{ key: "sk-ada" }]);
  });

  it("carries strategies over with their components and their history", async () => {
    const [row] = await sql`select private.strategy_document(${strategy}) as document`;
    expect(row?.document).toMatchObject({
      name: "Golden cross",
      market_type: "crypto",
      config: { risk: 2 },
      version_number: 3,
      components: [
        { component_type: "entry", position: 0, indicator_name: "Mine", is_custom: true },
        { component_type: "entry", position: 1, parameters: { length: 20 } },
      ],
    });
    const versions = await sql`
      select version_number, config -> 'config' as config, notes
      from public.strategy_versions
      where strategy_id = ${strategy}
      order by version_number`;
    expect([...versions]).toEqual([
      { version_number: 2, config: { risk: 1 }, notes: "first" },
      { version_number: 3, config: { risk: 2 }, notes: null },
    ]);
  });

  it("leads the keys of the app's own tables to the new tables", async () => {
    await sql`insert into public.notes (user_id, body) values (${bob}, 'after')`;
    const [row] = await sql`
      select confrelid::regclass::text as target, convalidated
      from pg_constraint
      where conrelid = 'public.notes'::regclass and contype = 'f'`;
    expect(row).toEqual({ target: "users", convalidated: true });
  });

  it("names what of the app's own still writes the tables", () => {
    expect(adopted.output).toContain("function handle_new_user()");
  });

  it("again, copies nothing twice", async () => {
    const count = () => sql`
      select
        (select count(*)::int from public.strategy_components) as components,
        (select count(*)::int from public.credit_transactions) as transactions`;
    const [first] = await count();
    const { output } = await pinebase("adopt", `--remote=${url}`, "--yes");
    expect(output).toContain("strategies: 0 imported");
    expect([...(await count())]).toEqual([first]);
  });
});

describe("undoing the adoption", () => {
  it("gives the original tables back as they were, by one command", async () => {
    const { output, code } = await pinebase("adopt", "--undo", `--remote=${url}`, "--yes");
    expect(output).toContain("Undone.");
    expect(code).toBe(0);
    const after = await snapshot();
    expect(after).toEqual(before);
    const [row] = await sql`
      select
        to_regnamespace('legacy') is null as gone,
        (select public.decrypt_api_key(key_encrypted, ${secret}) from public.api_keys where user_id = ${ada}) as key`;
    expect(row).toEqual({ gone: true, key: "sk-ada" });
  });

  it("can be adopted again", async () => {
    const { output } = await pinebase("adopt", `--remote=${url}`, "--yes");
    expect(output).toContain("users: 2 imported, 1 refused");
  });
});

function pinebase(...args: string[]): Promise<ChildResult> {
  const main = pathToFileURL(join(projectDir, "scripts/package/main.ts")).href;
  const program = `
    process.chdir(${JSON.stringify(scratch.path)});
    const { main } = await import(${JSON.stringify(main)});
    process.exit(await main(${JSON.stringify(args)}).catch((error) => {
      console.error(error.name === "UserError" ? error.message + "\\n" + error.next : error);
      return 1;
    }));`;
  return runChild(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", program], {
    env: { LEGACY_API_KEY_SECRET: secret, TSX_DISABLE_CACHE: "1" },
  });
}

async function fill(): Promise<void> {
  await sql.unsafe(`
    insert into users (id, email, full_name, credits, is_premium, preferences) values
      ('${ada}', 'ada@tests.pinebase.test', 'Ada', 42, true, '{"theme": "dark"}'),
      ('${bob}', 'bob@tests.pinebase.test', null, -3, false, null),
      ('${nobody}', 'nobody@tests.pinebase.test', null, 5, false, '{}');
    insert into api_keys (user_id, provider, key_encrypted)
      values ('${ada}', 'OpenAI', encrypt_api_key('sk-ada', '${secret}'));
    insert into indicators (name, category, type, parameters, defaults)
      values ('An indicator of ours', 'momentum', 'entry', '{"length": 14}', '{}');
    insert into custom_indicators (id, user_id, name, category, type, pine_script)
      values ('${custom}', '${ada}', 'Mine', 'momentum', 'entry', 'indicator("mine")');
    insert into strategies (id, user_id, name, market_type, timeframe, config) values
      ('${strategy}', '${ada}', 'Golden cross', 'crypto', '1h', '{"risk": 2}'),
      ('${refusedStrategy}', '${ada}', 'Bonds', 'bonds', '1h', '{}');
    insert into strategy_versions (strategy_id, version_number, config, notes) values
      ('${strategy}', 1, '{"risk": 1}', 'first'),
      ('${strategy}', 3, '{"risk": 2}', null);
    insert into strategy_components (strategy_id, indicator_id, is_custom, component_type, parameters, position)
      select '${strategy}'::uuid, id, false, 'entry', '{"length": 20}'::jsonb, 7 from indicators
      union all
      select '${strategy}'::uuid, '${custom}'::uuid, true, 'entry', '{}', 7;
    update strategy_components set created_at = now() - interval '1 day' where is_custom;
    insert into subscriptions (user_id, status, provider, provider_subscription_id, plan_type, current_period_end)
      values ('${ada}', 'active', 'stripe', 'sub_1', 'pro', now() + interval '10 days');
    insert into coupons (id, code, discount_percent) values
      ('${own}', 'welcome', 20), (gen_random_uuid(), 'free', 0);
    insert into user_coupons (user_id, coupon_id) values ('${bob}', '${own}');
    insert into notes (user_id, body) values ('${ada}', 'before');
  `);
}

/** Every row of the original tables. */
async function snapshot(): Promise<Record<string, unknown>> {
  const tables = await readFile(join(projectDir, "bench/seed-schema.sql"), "utf8");
  const names = [...tables.matchAll(/CREATE TABLE (\w+)/g)].map(([, name]) => name ?? "");
  expect(names).toHaveLength(10);
  const rows = names.map(async (name) => [
    name,
    [...(await sql`select * from ${sql(`public.${name}`)} as t order by t.id`)],
  ]);
  return Object.fromEntries(await Promise.all(rows));
}
