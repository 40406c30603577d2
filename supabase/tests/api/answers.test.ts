import { randomUUID } from "node:crypto";
import type postgres from "postgres";
import { beforeAll, describe, expect, it } from "vitest";
import { rpcAnswerSchemas, toPinebaseError } from "../../../types/index.ts";
import { asOperator, type Person, service, signUp } from "../support/clients.ts";

/* The schemas that the package exports describe exactly what the functions return. */

type Name = keyof typeof rpcAnswerSchemas;
type Answer = { data: unknown; error: unknown };

const admin = service();
const code = `ANSWERS-${randomUUID().slice(0, 8).toUpperCase()}`;
const secret = "a secret of sixteen bytes or more";

let ada: Person;
let subscriptionId: string;
let strategyId: string;
let encrypted: string;

beforeAll(async () => {
  ada = await signUp("answers");
  await admin.from("coupons").insert({ code, discount_percent: 10 }).throwOnError();
  const { data: account } = await admin
    .rpc("grant_premium", {
      user_id: ada.id,
      plan_type: "premium_monthly",
      until: new Date(Date.now() + 86_400_000).toISOString(),
    })
    .throwOnError();
  subscriptionId = rpcAnswerSchemas.grant_premium.parse(account).subscription?.id ?? "";
  await ada.client
    .from("custom_indicators")
    .insert({ user_id: ada.id, name: "Mine", category: "x", type: "exit", pine_script: "x" })
    .throwOnError();
  await asOperator(
    (sql) => sql`
      insert into public.indicators (name, category, type, created_by)
      values (${`Of ${ada.email}`}, 'x', 'exit', ${ada.id})`,
  );
  const { data } = await ada.client
    .rpc("save_strategy", {
      name: "Golden cross",
      config: { risk: 1 },
      is_public: true,
      components: [
        { component_type: "exit", indicator_name: `Of ${ada.email}`, parameters: { length: 3 } },
      ],
    })
    .throwOnError();
  strategyId = rpcAnswerSchemas.save_strategy.parse(data).strategy_id;
  await ada.client
    .rpc("store_api_key", { provider: "openai", api_key: "sk-ada-1234" })
    .throwOnError();
  const { data: text } = await admin
    .rpc("encrypt_api_key", { key_text: "k", secret })
    .throwOnError();
  encrypted = text;
});

/** Called in this order. Calls that delete something come last. */
const calls: Record<Name, () => PromiseLike<Answer>> = {
  get_my_account: () => ada.client.rpc("get_my_account"),
  save_strategy: () => ada.client.rpc("save_strategy", { strategy_id: strategyId, notes: "same" }),
  get_strategy: () => ada.client.rpc("get_strategy", { strategy_id: strategyId }),
  fork_strategy: () => ada.client.rpc("fork_strategy", { strategy_id: strategyId }),
  restore_strategy_version: () =>
    ada.client.rpc("restore_strategy_version", { strategy_id: strategyId, version_number: 1 }),
  list_llm_providers: () => ada.client.rpc("list_llm_providers"),
  list_public_strategies: () => ada.client.rpc("list_public_strategies", { page_size: 1 }),
  search_indicators: () => ada.client.rpc("search_indicators", { page_size: 100 }),
  store_api_key: () =>
    ada.client.rpc("store_api_key", { provider: "other", api_key: "sk-1234567" }),
  consume_credits: () => ada.client.rpc("consume_credits", { amount: 1 }),
  charge_credits: () =>
    admin.rpc("charge_credits", { user_id: ada.id, amount: 1, idempotency_key: "answers-1" }),
  refund_credits: () =>
    admin.rpc("refund_credits", { user_id: ada.id, idempotency_key: "answers-1" }),
  grant_credits: () => admin.rpc("grant_credits", { user_id: ada.id, amount: 1 }),
  encrypt_api_key: () => admin.rpc("encrypt_api_key", { key_text: "k", secret }),
  decrypt_api_key: () => admin.rpc("decrypt_api_key", { encrypted_key: encrypted, secret }),
  get_decrypted_api_key: () =>
    admin.rpc("get_decrypted_api_key", { user_id: ada.id, provider: "openai" }),
  reencrypt_api_keys: () => admin.rpc("reencrypt_api_keys", { batch_size: 1 }),
  drop_api_key_secret: () => admin.rpc("drop_api_key_secret", { version: 2_000_000_000 }),
  // All tests share the secrets, so this call is rolled back.
  rotate_api_key_secret: () =>
    rolledBack((sql) => sql`select public.rotate_api_key_secret() as data`),
  preview_coupon: () => admin.rpc("preview_coupon", { user_id: ada.id, code }),
  redeem_coupon: () => admin.rpc("redeem_coupon", { user_id: ada.id, code }),
  grant_premium: () =>
    admin.rpc("grant_premium", {
      user_id: ada.id,
      plan_type: "premium_yearly",
      until: new Date(Date.now() + 86_400_000).toISOString(),
    }),
  revoke_subscription: () =>
    admin.rpc("revoke_subscription", { subscription_id: subscriptionId, reason: "Tried out" }),
  reinstate_subscription: () =>
    admin.rpc("reinstate_subscription", { subscription_id: subscriptionId }),
  diagnose_account: () => admin.rpc("diagnose_account", { email: ada.email }),
  sweep: () => admin.rpc("sweep"),
  billing_overview: () => admin.rpc("billing_overview"),
  billing_attention: () => admin.rpc("billing_attention", { page_size: 1 }),
  dismiss_billing_attention: () =>
    admin.rpc("dismiss_billing_attention", {
      ...{ kind: "refund", provider: "stripe", reference: "re_answers" },
    }),
  export_my_data: () => ada.client.rpc("export_my_data"),
  export_user_data: () => admin.rpc("export_user_data", { user_id: ada.id }),
  delete_api_key: () => ada.client.rpc("delete_api_key", { provider: "other" }),
  delete_user: () => admin.rpc("delete_user", { user_id: ada.id }),
};

describe("the exported schema describes exactly what the function returns", () => {
  it.each(Object.entries(calls))("%s", async (name, call) => {
    const { data, error } = await call();
    expect(error).toBeNull();
    expect(rpcAnswerSchemas[name as Name].parse(data)).toEqual(data);
  });
});

describe("toPinebaseError", () => {
  it("reads the error of an RPC with its facts, whether supabase-js returns or throws it", async () => {
    const person = await signUp("errors");
    const wanted = {
      code: "insufficient_credits",
      status: 402,
      facts: { amount: 100, balance: 5 },
    };
    const { error } = await person.client.rpc("consume_credits", { amount: 100 });
    expect(await toPinebaseError(error)).toMatchObject(wanted);
    const thrown = await person.client
      .rpc("consume_credits", { amount: 100 })
      .throwOnError()
      .then(null, (reason: unknown) => reason);
    expect(await toPinebaseError(thrown)).toMatchObject(wanted);
  });

  it("reads the error of a table that refuses a row", async () => {
    const person = await signUp("errors");
    const { error } = await person.client
      .from("custom_indicators")
      .insert({ user_id: person.id, name: "x", category: "x", type: "exit", pine_script: "x" });
    expect(await toPinebaseError(error)).toMatchObject({ code: "premium_required", status: 403 });
  });

  it("reads an error that an RPC returns as a value", async () => {
    const person = await signUp("errors");
    const { data } = await admin
      .rpc("redeem_coupon", { user_id: person.id, code: "NO-SUCH-CODE" })
      .throwOnError();
    const result = rpcAnswerSchemas.redeem_coupon.parse(data);
    expect(result.ok ? null : await toPinebaseError(result.error)).toMatchObject({
      code: "coupon_not_found",
      status: 404,
    });
  });

  it("reads the error of an edge function, with the id of the request", async () => {
    const person = await signUp("errors");
    const { error } = await person.client.functions.invoke("redeem-coupon", {
      body: { code: "NO-SUCH-CODE" },
    });
    expect(await toPinebaseError(error)).toMatchObject({
      code: "coupon_not_found",
      requestId: expect.stringMatching(/\S/),
    });
  });

  it("returns null for an error of Postgres's own", async () => {
    const person = await signUp("errors");
    const { error } = await person.client.from("coupons").select();
    expect(error?.code).toBe("42501");
    expect(await toPinebaseError(error)).toBeNull();
  });
});

/** Runs a statement in a transaction that is rolled back; gives its result. */
async function rolledBack(
  work: (sql: postgres.TransactionSql) => PromiseLike<readonly postgres.Row[]>,
): Promise<Answer> {
  let data: unknown;
  const undo = new Error("rolled back");
  await asOperator((sql) =>
    sql.begin(async (transaction) => {
      data = (await work(transaction))[0]?.data;
      throw undo;
    }),
  ).catch((error: unknown) => {
    if (error !== undo) throw error;
  });
  return { data, error: null };
}
