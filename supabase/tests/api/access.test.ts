import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import {
  asOperator,
  endPremium,
  makePremium,
  type Person,
  service,
  signUp,
  visitor,
} from "../support/clients.ts";

/** What an app sees of accounts, strategies and indicators through supabase-js. */

let ada: Person;
let bob: Person;

beforeAll(async () => {
  [ada, bob] = await Promise.all([signUp("ada"), signUp("bob")]);
});

describe("an account", () => {
  it("exists as soon as a user has signed up, with five credits and a ledger row for them", async () => {
    const account = await ada.client.from("users").select().single();
    expect(account.data).toMatchObject({
      id: ada.id,
      email: ada.email,
      credits: 5,
      is_premium: false,
      premium_until: null,
      preferences: {},
    });
    const ledger = await ada.client
      .from("credit_transactions")
      .select("kind, delta, balance_after");
    expect(ledger.data).toEqual([{ kind: "opening", delta: 5, balance_after: 5 }]);
  });

  it("can be changed in name and preferences by its owner only", async () => {
    const changed = await ada.client
      .from("users")
      .update({ full_name: "Ada", preferences: { theme: "dark" } })
      .eq("id", ada.id)
      .select("full_name, preferences");
    expect(changed.data).toEqual([{ full_name: "Ada", preferences: { theme: "dark" } }]);

    const stranger = await bob.client
      .from("users")
      .update({ full_name: "Mallory" })
      .eq("id", ada.id)
      .select();
    expect(stranger.data).toEqual([]);
    const seen = await bob.client.from("users").select("id");
    expect(seen.data).toEqual([{ id: bob.id }]);
  });

  it("is deleted with its auth user, together with everything that the user owns", async () => {
    const gone = await signUp("gone");
    await gone.client.from("strategies").insert({ name: "Mine", config: {} });
    await asOperator((sql) => sql`delete from auth.users where id = ${gone.id}`);
    for (const table of ["strategies", "credit_transactions"] as const) {
      const { data } = await service().from(table).select("id").eq("user_id", gone.id);
      expect(data).toEqual([]);
    }
  });
});

describe("strategies", () => {
  it("can be read by others only while they are public, and changed by their owner only", async () => {
    const inserted = await ada.client
      .from("strategies")
      .insert([
        { name: "Private", config: { a: 1 } },
        {
          name: "Public",
          config: { b: 2 },
          is_public: true,
          market_type: "crypto",
          timeframe: "4h",
        },
      ])
      .select("id, user_id, name");
    expect(inserted.error).toBeNull();
    expect(inserted.data?.map((row) => row.user_id)).toEqual([ada.id, ada.id]);
    const ids = inserted.data?.map((row) => row.id) ?? [];

    const read = (client: Person["client"]) =>
      client.from("strategies").select("name").in("id", ids).order("name");
    expect((await read(ada.client)).data).toEqual([{ name: "Private" }, { name: "Public" }]);
    expect((await read(bob.client)).data).toEqual([{ name: "Public" }]);
    expect((await read(visitor())).data).toEqual([{ name: "Public" }]);

    const changed = await bob.client
      .from("strategies")
      .update({ name: "Bob was here" })
      .in("id", ids)
      .select();
    expect(changed.data).toEqual([]);
    const removed = await bob.client.from("strategies").delete().in("id", ids).select();
    expect(removed.data).toEqual([]);
    expect((await read(ada.client)).data).toEqual([{ name: "Private" }, { name: "Public" }]);

    await ada.client.from("strategies").update({ is_public: false }).in("id", ids);
    expect((await read(bob.client)).data).toEqual([]);
    expect((await read(visitor())).data).toEqual([]);
  });

  it("answer a violated constraint or privilege with Postgres's own error code", async () => {
    const wrong = await ada.client
      .from("strategies")
      .insert({ name: "Wrong", config: {}, timeframe: "2h" });
    expect(wrong.error?.code).toBe("23514");
    expect(wrong.status).toBe(400);

    const anonymous = await visitor().from("strategies").insert({ name: "Nobody's", config: {} });
    expect(anonymous.error?.code).toBe("42501");
    expect(anonymous.status).toBe(401);
  });

  it("show their components to everyone who may read the strategy", async () => {
    const indicator = randomUUID();
    await asOperator(
      (sql) => sql`
        insert into public.indicators (id, name, category, type)
        values (${indicator}, ${`Shown ${indicator}`}, 'momentum', 'entry')
      `,
    );
    const { data: strategy } = await ada.client
      .from("strategies")
      .insert({ name: "Composed", config: {} })
      .select("id")
      .single();
    const id = strategy?.id ?? "";
    const added = await ada.client
      .from("strategy_components")
      .insert({
        strategy_id: id,
        indicator_id: indicator,
        component_type: "entry",
        position: 0,
        parameters: { length: 14 },
      })
      .select("user_id, indicator_name, is_custom");
    expect(added.data).toEqual([
      { user_id: ada.id, indicator_name: `Shown ${indicator}`, is_custom: false },
    ]);

    const read = (client: Person["client"]) =>
      client.from("strategies").select("strategy_components(indicator_name)").eq("id", id);
    const shown = [{ strategy_components: [{ indicator_name: `Shown ${indicator}` }] }];
    expect((await read(ada.client)).data).toEqual(shown);
    expect((await read(bob.client)).data).toEqual([]);

    await ada.client.from("strategies").update({ is_public: true }).eq("id", id);
    expect((await read(bob.client)).data).toEqual(shown);
    expect((await read(visitor())).data).toEqual(shown);
  });

  it("answer an indicator that does not exist with indicator_not_found and its id", async () => {
    const { data: strategy } = await ada.client
      .from("strategies")
      .insert({ name: "Composed", config: {} })
      .select("id")
      .single();
    const missing = randomUUID();
    const { error, status } = await ada.client.from("strategy_components").insert({
      strategy_id: strategy?.id ?? "",
      indicator_id: missing,
      component_type: "entry",
      position: 0,
    });
    expect(status).toBe(404);
    expect(error).toMatchObject({ code: "PT404", details: "indicator_not_found" });
    expect(JSON.parse(error?.hint ?? "")).toEqual({ indicator_id: missing, is_custom: false });
  });
});

describe("custom indicators", () => {
  const script = { category: "momentum", type: "exit", pine_script: "plot(close)" };

  it("need premium to be inserted and changed, but not to be read and deleted", async () => {
    const writer = await signUp("writer");
    const refused = await writer.client
      .from("custom_indicators")
      .insert({ ...script, name: "Too early" });
    expect(refused.status).toBe(403);
    expect(refused.error).toMatchObject({ code: "PT403", details: "premium_required" });

    await makePremium(writer);
    const { data: made } = await writer.client
      .from("custom_indicators")
      .insert({ ...script, name: "Mine" })
      .select("id")
      .single();
    const id = made?.id ?? "";

    await endPremium(writer);
    const published = await writer.client
      .from("custom_indicators")
      .update({ is_public: true })
      .eq("id", id);
    expect(published.error).toMatchObject({ details: "premium_required" });
    const read = await writer.client.from("custom_indicators").select("pine_script").eq("id", id);
    expect(read.data).toEqual([{ pine_script: "plot(close)" }]);
    const deleted = await writer.client
      .from("custom_indicators")
      .delete()
      .eq("id", id)
      .select("id");
    expect(deleted.data).toEqual([{ id }]);
  });
});

describe("a visitor", () => {
  it("reads public strategies, indicators and plans, and nothing else", async () => {
    const client = visitor();
    for (const table of [
      "plans",
      "indicators",
      "custom_indicators",
      "strategies",
      "strategy_components",
    ] as const) {
      const { error } = await client.from(table).select("*").limit(1);
      expect(error).toBeNull();
    }
    for (const table of [
      "users",
      "credit_transactions",
      "api_keys",
      "api_key_events",
      "strategy_versions",
      "subscriptions",
      "coupons",
      "user_coupons",
    ] as const) {
      const { error, status } = await client.from(table).select("*").limit(1);
      expect(error?.code).toBe("42501");
      expect(status).toBe(401);
    }
  });
});

describe("a stored key", () => {
  it("shows its hint to its owner, and its ciphertext to no client", async () => {
    await asOperator(
      (sql) => sql`
        insert into public.api_keys (user_id, provider, key_encrypted, key_hint, secret_version)
        values (${ada.id}, 'openai', 'ciphertext', 'abcd', private.current_api_key_secret_version())
      `,
    );
    const hint = await ada.client.from("api_keys").select("provider, key_hint");
    expect(hint.data).toEqual([{ provider: "openai", key_hint: "abcd" }]);
    for (const columns of ["*", "key_encrypted"] as const) {
      const { error } = await ada.client.from("api_keys").select(columns);
      expect(error?.code).toBe("42501");
    }
    expect((await bob.client.from("api_keys").select("id")).data).toEqual([]);
  });
});
