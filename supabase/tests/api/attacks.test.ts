import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import {
  asOperator,
  type Client,
  type Person,
  service,
  signUp,
  visitor,
} from "../support/clients.ts";
import { call } from "../support/documents.ts";

/**
 * The sixteen attacks that succeed on the schema of the original request. Each is made over HTTP, with a valid login or the
 * publishable key, and the rows are read afterwards.
 */

let victim: Person;
let attacker: Person;
let strategyId: string;
const indicatorId = randomUUID();
const couponId = randomUUID();
const couponCode = `SECRET-${randomUUID().slice(0, 8).toUpperCase()}`;

beforeAll(async () => {
  [victim, attacker] = await Promise.all([signUp("victim"), signUp("attacker")]);
  const { data, error } = await victim.client
    .from("strategies")
    .insert({ name: "Published", config: { risk: 1 }, is_public: true })
    .select("id")
    .single();
  if (error) throw error;
  strategyId = data.id;
  await asOperator(async (sql) => {
    await sql`
      insert into public.indicators (id, name, category, type)
      values (${indicatorId}, ${`Attacked ${indicatorId}`}, 'momentum', 'entry')
    `;
    await sql`
      insert into public.coupons (id, code, discount_percent, max_uses)
      values (${couponId}, ${couponCode}, 10, 1)
    `;
    await sql`
      insert into public.subscriptions (user_id, status, provider, provider_subscription_id, plan_type)
      values (${victim.id}, 'active', 'stripe', ${`sub_${victim.id}`}, 'premium_monthly')
    `;
  });
});

/** The victim's strategy, read as the service role. */
async function strategy() {
  const { data } = await service().from("strategies").select().eq("id", strategyId).maybeSingle();
  return data;
}

async function account(person: Person) {
  const { data } = await service()
    .from("users")
    .select("credits, is_premium, premium_until")
    .eq("id", person.id)
    .single();
  return data;
}

describe("a user with a valid login", () => {
  it("cannot give themselves credits", async () => {
    const { error } = await attacker.client
      .from("users")
      .update({ credits: 1_000_000 })
      .eq("id", attacker.id);
    expect(error?.code).toBe("42501");
    expect(await account(attacker)).toMatchObject({ credits: 5 });
  });

  it("cannot make themselves premium", async () => {
    for (const change of [{ is_premium: true }, { premium_until: "2099-01-01T00:00:00Z" }]) {
      const { error } = await attacker.client.from("users").update(change).eq("id", attacker.id);
      expect(error?.code).toBe("42501");
    }
    expect(await account(attacker)).toMatchObject({ is_premium: false, premium_until: null });
  });

  it("cannot delete another's public strategy", async () => {
    const { data } = await attacker.client
      .from("strategies")
      .delete()
      .eq("id", strategyId)
      .select();
    expect(data).toEqual([]);
    expect(await strategy()).not.toBeNull();
  });

  it("cannot change another's public strategy", async () => {
    const { data } = await attacker.client
      .from("strategies")
      .update({ name: "Defaced", is_public: false })
      .eq("id", strategyId)
      .select();
    expect(data).toEqual([]);
    expect(await strategy()).toMatchObject({ name: "Published", is_public: true });
  });

  it("cannot forge a public strategy in another's name", async () => {
    const { error } = await attacker.client
      .from("strategies")
      .insert({ user_id: victim.id, name: "Forged", config: {}, is_public: true });
    expect(error?.code).toBe("42501");
    const { data } = await service().from("strategies").select("name").eq("user_id", victim.id);
    expect(data).toEqual([{ name: "Published" }]);
  });

  it("cannot read coupon codes", async () => {
    const { data, error } = await attacker.client.from("coupons").select("code");
    expect(error?.code).toBe("42501");
    expect(data).toBeNull();
  });

  it("cannot insert a subscription", async () => {
    const { error } = await attacker.client.from("subscriptions").insert({
      user_id: attacker.id,
      status: "active",
      provider: "stripe",
      provider_subscription_id: "sub_forged",
      plan_type: "premium_yearly",
    });
    expect(error?.code).toBe("42501");
    const { data } = await service().from("subscriptions").select("id").eq("user_id", attacker.id);
    expect(data).toEqual([]);
  });

  it("cannot call encrypt or decrypt", async () => {
    await expectCipherClosed(attacker.client);
  });

  it("cannot read another's versions, even of a public strategy", async () => {
    await asOperator(
      (sql) => sql`
        insert into public.strategy_versions (strategy_id, user_id, version_number, config)
        values (${strategyId}, ${victim.id}, 1000, '{"past": "secret"}')
      `,
    );
    const { data, error } = await attacker.client
      .from("strategy_versions")
      .select()
      .eq("strategy_id", strategyId);
    expect(error).toBeNull();
    expect(data).toEqual([]);
    const own = await victim.client
      .from("strategy_versions")
      .select("config")
      .eq("strategy_id", strategyId)
      .eq("version_number", 1000);
    expect(own.data).toEqual([{ config: { past: "secret" } }]);
  });

  it("cannot insert components into another's strategy", async () => {
    for (const owner of [{}, { user_id: attacker.id }, { user_id: victim.id }]) {
      const { error } = await attacker.client.from("strategy_components").insert({
        ...owner,
        strategy_id: strategyId,
        component_type: "entry",
        position: 0,
      });
      expect(error?.code).toBe("42501");
    }
    const { data } = await service()
      .from("strategy_components")
      .select("id")
      .eq("strategy_id", strategyId);
    expect(data).toEqual([]);
  });

  it("cannot insert indicators", async () => {
    const name = `Planted ${randomUUID()}`;
    const { error } = await attacker.client
      .from("indicators")
      .insert({ name, category: "momentum", type: "entry" });
    expect(error?.code).toBe("42501");
    const { data } = await service().from("indicators").select("id").eq("name", name);
    expect(data).toEqual([]);
  });

  it("cannot change coupons", async () => {
    const { error } = await attacker.client
      .from("coupons")
      .update({ discount_percent: 100, max_uses: 1_000_000 })
      .eq("id", couponId);
    expect(error?.code).toBe("42501");
    const { data } = await service()
      .from("coupons")
      .select("discount_percent, max_uses")
      .eq("id", couponId)
      .single();
    expect(data).toEqual({ discount_percent: 10, max_uses: 1 });
  });
});

describe("anybody with the publishable key", () => {
  it("cannot delete indicators", async () => {
    const { error } = await visitor().from("indicators").delete().eq("id", indicatorId);
    expect(error?.code).toBe("42501");
    const { data } = await service().from("indicators").select("id").eq("id", indicatorId);
    expect(data).toHaveLength(1);
  });

  it("cannot cancel subscriptions", async () => {
    const { error } = await visitor()
      .from("subscriptions")
      .update({ status: "canceled" })
      .eq("user_id", victim.id);
    expect(error?.code).toBe("42501");
    const { data } = await service()
      .from("subscriptions")
      .select("status")
      .eq("user_id", victim.id);
    expect(data).toEqual([{ status: "active" }]);
  });

  it("cannot delete public strategies", async () => {
    const { error } = await visitor().from("strategies").delete().eq("id", strategyId);
    expect(error?.code).toBe("42501");
    expect(await strategy()).not.toBeNull();
  });

  it("cannot call encrypt or decrypt", async () => {
    await expectCipherClosed(visitor());
  });
});

async function expectCipherClosed(client: Client) {
  for (const [name, args] of [
    ["encrypt_api_key", { key_text: "sk-test", secret: "0123456789abcdef" }],
    ["decrypt_api_key", { encrypted_key: "AAAA", secret: "0123456789abcdef" }],
  ] as const) {
    const { data, error, status } = await call<unknown>(client, name, args);
    expect(data).toBeNull();
    expect(error).not.toBeNull();
    expect([401, 403, 404]).toContain(status);
  }
}
