import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { SupabaseClient } from "@supabase/supabase-js";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { newClient } from "../support/clients.ts";
import {
  processesNaming,
  type RunningCommand,
  ready,
  runCommand,
  type ScratchFolder,
  scratchFolder,
  startCommand,
  startProgram,
} from "../support/commands.ts";
import type { Status } from "../support/local-stack.ts";

function connect(status: Status, key = status.PUBLISHABLE_KEY): SupabaseClient {
  return newClient(status.API_URL, key);
}

function signIn(status: Status) {
  return connect(status).auth.signInWithPassword({
    email: status.DEMO_EMAIL,
    password: status.DEMO_PASSWORD,
  });
}

/** All privileges on the tables and functions of the schema public. */
async function grants(status: Status): Promise<unknown> {
  const sql = postgres(status.DB_URL, { max: 1 });
  try {
    return await sql`
      select relname as name, relacl::text as privileges
      from pg_class
      where relnamespace = 'public'::regnamespace
      union all
      select relname || '.' || attname, attacl::text
      from pg_attribute
      join pg_class on pg_class.oid = attrelid
      where relnamespace = 'public'::regnamespace and attacl is not null
      union all
      select proname, proacl::text
      from pg_proc
      where pronamespace = 'public'::regnamespace
      union all
      select 'default ' || defaclobjtype::text || defaclrole::text, defaclacl::text
      from pg_default_acl
      order by name
    `;
  } finally {
    await sql.end();
  }
}

/** Columns of types that @supabase/lite and PostgREST could write differently, and functions. */
const probe = `
  create table public.probe (
    moment timestamptz default '2026-11-22T09:38:00.123456Z',
    second timestamptz default '2026-11-22T09:38:00Z',
    moments timestamptz[] default array['2026-11-22T09:38:00Z'::timestamptz],
    day date default '2026-11-22',
    count bigint default 9007199254740991 unique,
    rating numeric(3, 2) default 4.50 check (rating > 0),
    ids uuid[] default array['00000000-0000-4000-8000-000000000001'::uuid],
    document jsonb,
    raw bytea default '\\x01'
  );
  grant select, insert on public.probe to authenticated;
  create function public.echo(argument jsonb) returns jsonb
    language sql as $$ select jsonb_build_object('argument', argument) $$;
  create function public.refuse(state text) returns jsonb
    language plpgsql as $$
    begin
      raise exception using errcode = state, message = 'No.', detail = 'why', hint = '{"a": 1}';
    end $$;
  create function public.rest() returns void language sql as $$ select pg_sleep(5) $$;
`;

describe("npm start", () => {
  let folder: ScratchFolder;
  let dir: string;
  let command: RunningCommand;
  let status: Status;

  beforeAll(async () => {
    folder = await scratchFolder();
    dir = join(folder.path, "data");
    command = startCommand(["start", "--port", "0", "--dir", dir]);
    status = await ready(command, dir);
  });

  afterAll(async () => {
    command.kill("SIGTERM");
    await command.exited;
    await folder.remove();
  });

  it("writes a status file that only its owner can read, and prints the same values", async () => {
    const { mode } = await stat(join(dir, "status.json"));
    expect(mode & 0o077).toBe(0);
    const { mode: ofSecrets } = await stat(join(dir, "secrets.json"));
    expect(ofSecrets & 0o077).toBe(0);
    for (const value of [status.API_URL, status.PUBLISHABLE_KEY, status.DEMO_PASSWORD]) {
      expect(command.output()).toContain(value);
    }
  });

  it("has a demo user who can sign in, with a password that only this machine has", async () => {
    const { data, error } = await signIn(status);
    expect(error).toBeNull();
    expect(data.user?.email).toBe(status.DEMO_EMAIL);
    const seed = await readFile("supabase/seed.sql", "utf8").catch(() => "");
    expect(seed).not.toContain(status.DEMO_PASSWORD);
  });

  it("signs a new user up and in at once, and accepts the token", async () => {
    const client = connect(status);
    const { data } = await client.auth.signUp({
      email: "first@pinebase.test",
      password: "correct horse battery",
      options: { data: { full_name: "First User" } },
    });
    expect(data.session?.access_token).toBeTruthy();
    expect((await client.auth.getClaims()).data?.claims).toMatchObject({
      role: "authenticated",
      email: "first@pinebase.test",
      sub: data.user?.id,
    });
    const rows = await client.from("users").select("id, full_name");
    expect(rows.data).toEqual([{ id: data.user?.id, full_name: "First User" }]);
  });

  it("accepts the publishable and the secret key and their tokens, and nothing else", async () => {
    const statusOf = async (key: string) =>
      (await connect(status, key).from("users").select("id")).status;
    expect(await statusOf(status.PUBLISHABLE_KEY)).toBe(401);
    expect(await statusOf(status.ANON_KEY)).toBe(401);
    expect(await statusOf(status.SECRET_KEY)).toBe(200);
    expect(await statusOf(status.SERVICE_ROLE_KEY)).toBe(200);

    const plans = `${status.API_URL}/rest/v1/plans?select=plan_type`;
    const anonymous = await fetch(plans, { headers: { apikey: status.PUBLISHABLE_KEY } });
    expect(anonymous.status).toBe(200);
    const unknown = await fetch(plans, { headers: { apikey: `${status.PUBLISHABLE_KEY}x` } });
    expect(unknown.status).toBe(401);
    expect(await unknown.json()).toMatchObject({ message: "Invalid API key" });
    const without = await fetch(plans);
    expect(without.status).toBe(401);
    expect(await without.json()).toMatchObject({ message: "No API key found in request" });
  });

  it("does not change the privileges that the migrations set, whatever is requested", async () => {
    const before = await grants(status);
    const { data } = await signIn(status);
    const client = connect(status);
    await client.auth.setSession(data.session ?? { access_token: "", refresh_token: "" });
    await client.from("users").select("id");
    await client.from("strategies").insert({ name: "Mine", config: {} });
    await connect(status, status.SECRET_KEY).from("users").select("id");
    await connect(status).from("plans").select("plan_type");
    expect(await grants(status)).toEqual(before);
    const denied = await connect(status).from("users").select("id");
    expect(denied.error?.code).toBe("42501");
  });

  describe("the Data API, for a table that was created while it runs,", () => {
    let user: SupabaseClient;

    beforeAll(async () => {
      const sql = postgres(status.DB_URL, { max: 1, onnotice: () => {} });
      await sql.unsafe(probe);
      await sql.end();
      user = connect(status);
      await user.auth.signInWithPassword({
        email: status.DEMO_EMAIL,
        password: status.DEMO_PASSWORD,
      });
      // The Data API learns of the table after a moment.
      await vi.waitFor(async () => expect((await user.from("probe").select()).status).toBe(200), {
        timeout: 10_000,
      });
    });

    afterAll(async () => {
      const sql = postgres(status.DB_URL, { max: 1, onnotice: () => {} });
      await sql.unsafe(
        "drop table public.probe; drop function public.echo, public.refuse, public.rest",
      );
      await sql.end();
    });

    it("writes JSON as PostgREST does", async () => {
      const { data } = await user
        .from("probe")
        .insert({ document: { a: [1, "x", null] } })
        .select();
      expect(data).toEqual([
        {
          moment: "2026-11-22T09:38:00.123456+00:00",
          second: "2026-11-22T09:38:00+00:00",
          moments: ["2026-11-22T09:38:00+00:00"],
          day: "2026-11-22",
          count: 9007199254740991,
          rating: 4.5,
          ids: ["00000000-0000-4000-8000-000000000001"],
          document: { a: [1, "x", null] },
          raw: "\\x01",
        },
      ]);
    });

    it("passes JSON arguments unchanged", async () => {
      for (const argument of [{ a: { b: [1] } }, [{ a: 1 }, null], "words", 5, true, null]) {
        expect((await user.rpc("echo", { argument })).data).toEqual({ argument });
      }
    });

    it("answers errors of the database as PostgREST does", async () => {
      const refuse = async (state: string) => {
        const { status: code, error } = await user.rpc("refuse", { state });
        return { code, error };
      };
      const error = { message: "No.", details: "why", hint: '{"a": 1}' };
      const expected = {
        PT402: 402,
        PT422: 422,
        P0001: 400,
        "23514": 400,
        "42501": 403,
        "57014": 500,
      };
      for (const [state, code] of Object.entries(expected)) {
        expect(await refuse(state)).toMatchObject({ code, error: { ...error, code: state } });
      }
      const twice = await user.from("probe").insert([{ count: 1 }, { count: 1 }]);
      expect([twice.status, twice.error?.code]).toEqual([409, "23505"]);
      const check = await user.from("probe").insert({ rating: -1 });
      expect([check.status, check.error?.code]).toEqual([400, "23514"]);
    });

    it("cancels a visitor's statement after three seconds", async () => {
      const { status: code, error } = await connect(status).rpc("rest");
      expect([code, error?.code]).toEqual([500, "57014"]);
    });
  });

  it("refuses to update or delete a whole table, as hosted does", async () => {
    const client = connect(status, status.SECRET_KEY);
    const { status: code, error } = await client.from("coupons").delete();
    expect([code, error?.code]).toEqual([400, "21000"]);
  });

  it("refuses what it lacks, and names the command that has it", async () => {
    const post = (path: string, body: object) =>
      fetch(`${status.API_URL}${path}`, {
        method: "POST",
        headers: { apikey: status.PUBLISHABLE_KEY, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
    const namesCommand = expect.stringContaining("npm run start:docker");
    for (const [path, body] of [
      ["/storage/v1/object/list/strategy-exports", {}],
      ["/realtime/v1/api/broadcast", {}],
    ] as const) {
      const answer = await post(path, body);
      expect(answer.status).toBe(501);
      expect(await answer.json()).toMatchObject({
        code: "not_in_local_stack",
        message: namesCommand,
      });
    }
    // supabase-js drops the message of a 5xx of Auth.
    for (const [path, body] of [
      ["/auth/v1/admin/users", {}],
      ["/auth/v1/signup", { data: {} }],
      ["/auth/v1/signup", { phone: "+15550100", password: "correct horse" }],
      ["/auth/v1/otp", { phone: "+15550100" }],
      ["/auth/v1/token?grant_type=id_token", { provider: "google", id_token: "x" }],
    ] as const) {
      const answer = await post(path, body);
      expect(answer.status).toBe(422);
      expect(await answer.json()).toMatchObject({ code: "not_in_local_stack", msg: namesCommand });
    }
  });

  it("serves the edge functions, and answers 404 for others", async () => {
    const health = await fetch(`${status.FUNCTIONS_URL}/health`);
    expect([health.status, await health.json()]).toEqual([200, { status: "ok" }]);
    const missing = await fetch(`${status.FUNCTIONS_URL}/no-such-function`, {
      headers: { authorization: `Bearer ${status.ANON_KEY}` },
    });
    expect(missing.status).toBe(404);
    const unsigned = await fetch(`${status.FUNCTIONS_URL}/no-such-function`);
    expect(unsigned.status).toBe(401);
  });

  it("sells premium without an account at Stripe", async () => {
    expect(command.output()).toContain("because STRIPE_SECRET_KEY is not set");
    const buyer = connect(status);
    await buyer.auth.signUp({ email: "buyer@pinebase.test", password: "a long enough password" });
    const page = "http://localhost:5173";
    const account = async () => (await buyer.rpc("get_my_account")).data;
    const open = async (name: string, body: object) => {
      const { data, error } = await buyer.functions.invoke(name, { body });
      expect(error && (await error.context.text())).toBeNull();
      return String(data.url);
    };
    const press = (url: string, form: Record<string, string>) =>
      fetch(url, { method: "POST", body: new URLSearchParams(form), redirect: "manual" });
    const pay = { action: "pay", payment_method: "pm_card_visa" };
    const back = { success_url: `${page}/done`, cancel_url: page };

    const plan = await open("create-checkout-session", { plan_type: "premium_monthly", ...back });
    const declined = await press(plan, {
      action: "pay",
      payment_method: "pm_card_visa_chargeDeclined",
    });
    expect([declined.status, await account()]).toMatchObject([402, { is_premium: false }]);
    const paid = await press(plan, pay);
    expect([paid.status, paid.headers.get("location")]).toEqual([303, `${page}/done`]);
    // The page redirects after the webhook has answered, as Stripe's does.
    expect(await account()).toMatchObject({
      is_premium: true,
      credits: 105,
      plan: { plan_type: "premium_monthly" },
    });

    const portal = await open("create-portal-session", { return_url: page });
    const shown = await (await fetch(portal)).text();
    const [, subscription = ""] = /name="subscription" value="(\w+)"/.exec(shown) ?? [];
    expect(shown).toMatch(/<td>\$9\.00<\/td><td>paid<\/td>/);
    const [, yearly = ""] = /<option value="(\w+yearly)">/.exec(shown) ?? [];
    await press(portal, { action: "change", subscription, price: yearly });
    expect(await account()).toMatchObject({ plan: { plan_type: "premium_yearly" } });
    await press(portal, { action: "cancel", subscription });
    expect((await account()).subscription.cancel_at).not.toBeNull();
    await press(portal, { action: "renew", subscription });
    expect((await account()).subscription.cancel_at).toBeNull();
  });

  it("listens on 127.0.0.1 alone", async () => {
    const sql = postgres(status.DB_URL, { max: 1 });
    const rows = await sql`show listen_addresses`;
    await sql.end();
    expect(rows).toEqual([{ listen_addresses: "127.0.0.1" }]);
  });

  it("runs the sweep at once, as pg_cron does in production", async () => {
    const overview = ["billing-overview", "--json", "--dir", dir];
    await vi.waitFor(
      async () => {
        const { output } = await runCommand(overview);
        expect(JSON.parse(output).sweep_age_s).toBeLessThan(120);
      },
      { timeout: 60_000, interval: 1_000 },
    );
    expect(await readFile(join(dir, "sweep.log"), "utf8")).toBe("");
  });

  it("refuses to start on or reset a folder that is in use", async () => {
    const second = await runCommand(["start", "--port", "0", "--dir", dir]);
    expect(second.code).toBe(1);
    expect(second.output).toContain(`A stack already runs on ${dir}`);
    const reset = await runCommand(["reset", "--yes", "--dir", dir]);
    expect(reset.code).toBe(1);
    expect(reset.output).toContain("Stop it with Ctrl-C");
    expect((await fetch(`${status.FUNCTIONS_URL}/health`)).status).toBe(200);
  });

  it("refuses a port that is in use, and starts nothing", async () => {
    const { port } = new URL(status.API_URL);
    const other = join(folder.path, "other");
    const { code, output } = await runCommand(["start", "--port", port, "--dir", other]);
    expect(code).toBe(1);
    expect(output).toContain(`Port ${port}, for the API, is in use by another program.`);
    expect(output).toContain("--port 0");
    expect(await processesNaming(other)).toEqual([]);
  });

  // The following tests stop the stack and start it again, so they come last, in this order.

  it("stops every part on Ctrl-C and deletes the status file", async () => {
    command.kill("SIGINT");
    expect(await command.exited).toBe(0);
    expect(await processesNaming(dir)).toEqual([]);
    await expect(stat(join(dir, "status.json"))).rejects.toThrow("ENOENT");
  });

  it("keeps the data, the keys and the demo user, and starts again after a kill", async () => {
    command = startCommand(["start", "--port", "0", "--dir", dir]);
    const again = await ready(command, dir);
    const noUrls = {
      API_URL: "",
      MAIL_URL: "",
      APP_URL: "",
      DB_URL: "",
      FUNCTIONS_URL: "",
      STRIPE_API_BASE: "",
    };
    expect({ ...again, ...noUrls }).toEqual({ ...status, ...noUrls });
    const first = await connect(again).auth.signInWithPassword({
      email: "first@pinebase.test",
      password: "correct horse battery",
    });
    expect(first.error).toBeNull();

    const buyer = connect(again);
    await buyer.auth.signInWithPassword({
      email: "buyer@pinebase.test",
      password: "a long enough password",
    });
    const { data: kept } = await buyer.functions.invoke("sync-subscription", { body: {} });
    expect(kept.account.plan.plan_type).toBe("premium_yearly");

    command.kill("SIGKILL");
    await command.exited;
    // Its servers stop, and the file with the keys is deleted.
    await expect.poll(() => processesNaming(dir), { timeout: 20_000 }).toEqual([]);
    await expect(stat(join(dir, "status.json"))).rejects.toThrow("ENOENT");
    command = startCommand(["start", "--port", "0", "--dir", dir]);
    status = await ready(command, dir);
    expect((await signIn(status)).error).toBeNull();
  });

  it("stops every part on SIGTERM", async () => {
    command.kill("SIGTERM");
    expect(await command.exited).toBe(0);
    expect(await processesNaming(dir)).toEqual([]);
  });

  it("stops every part when npm, which has started it, is stopped", async () => {
    const npm = process.platform === "win32" ? "npm.cmd" : "npm";
    command = startProgram(npm, ["start", "--", "--port", "0", "--dir", dir]);
    await ready(command, dir);
    command.kill("SIGTERM");
    await command.exited;
    await expect.poll(() => processesNaming(dir), { timeout: 10_000 }).toEqual([]);
  });

  it("is deleted by npm run reset", async () => {
    const { code } = await runCommand(["reset", "--yes", "--dir", dir]);
    expect(code).toBe(0);
    await expect(stat(dir)).rejects.toThrow("ENOENT");
  });
});
