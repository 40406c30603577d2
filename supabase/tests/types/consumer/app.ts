import { createClient } from "@supabase/supabase-js";
import {
  type Database,
  ErrorCode,
  invokeFunction,
  messageOf,
  redeemCouponRequestSchema,
  type ServiceDatabase,
  type StrategyDocument,
  strategyDocumentSchema,
  type Tables,
  toPinebaseError,
  type WithPinebase,
} from "pinebase";
import type { Database as Own } from "./own.types.js";

/*
 * An app with a table of its own. Compiled, never run: what must not compile says so.
 */

const supabase = createClient<WithPinebase<Own>>("http://127.0.0.1:54321", "a key");
const plain = createClient<Database>("http://127.0.0.1:54321", "a key");
const service = createClient<ServiceDatabase>("http://127.0.0.1:54321", "a secret key");

export async function right(): Promise<ErrorCode | null> {
  // A table of its own, joined to one of Pinebase's.
  const { data: lists } = await supabase
    .from("watchlists")
    .select("title, strategies (name, market_type)")
    .throwOnError();
  const market: "futures" | "stocks" | "crypto" | "forex" | null | undefined =
    lists[0]?.strategies?.market_type;
  const title: string | undefined = lists[0]?.title;

  const { data: saved, error } = await supabase.rpc("save_strategy", {
    name: "Golden cross",
    config: { risk: 0.01 },
    components: [{ component_type: "entry", indicator_name: "SMA", parameters: { length: 50 } }],
    description: null,
    timeframe: "1h",
  });
  if (error) return (await toPinebaseError(error))?.code ?? null;
  const document: StrategyDocument = saved;
  const version: number = document.version_number;

  const { data: account } = await plain.rpc("get_my_account").throwOnError();
  const plan: string = account.plan.plan_type;
  const { data: found } = await plain.rpc("search_indicators", { type: "trend" }).throwOnError();
  const maximum: number | undefined = found[0]?.parameters.properties?.length?.maximum;
  const { data: redeemed } = await service
    .rpc("redeem_coupon", { user_id: "00000000-0000-0000-0000-000000000000", code: "HALF" })
    .throwOnError();
  const discount: number = redeemed.ok ? redeemed.coupon.discount_percent : redeemed.error.status;

  const called = await invokeFunction(supabase, "redeem-coupon", { code: "HALF", preview: true });
  const isReady: boolean | null = called.data === null ? null : called.data.checkout_discount;
  const sentence: string = await messageOf(called.error);
  const known = await toPinebaseError(called.error);
  if (known?.code === ErrorCode.coupon_expired) console.log(isReady, sentence);
  await service.from("coupons").insert({ code: "HALF", discount_percent: 50 });
  await plain.from("users").update({ public_name: "Ada" }).eq("id", "x");

  const row: Tables<"users"> | null = null;
  const parsed: StrategyDocument = strategyDocumentSchema.parse(saved);
  const code: string = redeemCouponRequestSchema.parse({ code: "HALF" }).code;
  console.log(market, title, version, plan, maximum, discount, row, parsed, code);
  return null;
}

export async function wrong(): Promise<void> {
  // @ts-expect-error no such table
  await supabase.from("strategy");
  // @ts-expect-error no such function
  await supabase.rpc("spend_credits", { amount: 1 });
  // @ts-expect-error internal to the edge functions
  await supabase.rpc("next_read_number");
  // @ts-expect-error for the service role alone
  await plain.rpc("grant_credits", {
    user_id: "x",
    amount: 1,
    reason: "x",
    idempotency_key: "12345678",
  });
  // @ts-expect-error the same in an app with tables of its own
  await supabase.rpc("sweep");
  // @ts-expect-error a table that a user may not see
  await plain.from("coupons").select();
  // @ts-expect-error a column that a user may not read
  await plain.from("api_keys").select().eq("key_encrypted", "x");
  // @ts-expect-error a column that a user may not write
  await plain.from("users").update({ credits: 1000 }).eq("id", "x");
  // @ts-expect-error nor in an app with tables of its own
  await supabase.from("users").update({ is_premium: true }).eq("id", "x");
  // @ts-expect-error a table that a user may not insert into
  await plain.from("subscriptions").insert({ status: "active" });
  // @ts-expect-error no such function
  await invokeFunction(plain, "redeem_coupon", { code: "HALF" });
  // @ts-expect-error the request of another function
  await invokeFunction(plain, "redeem-coupon", { plan_type: "premium_monthly" });
  // @ts-expect-error a number, not a text
  await supabase.rpc("consume_credits", { amount: "1" });
  // @ts-expect-error the amount is called amount, and is required
  await supabase.rpc("consume_credits", { credits: 1 });
  // @ts-expect-error no such component type
  await supabase.rpc("save_strategy", { components: [{ component_type: "exits" }] });
  // @ts-expect-error not one of the markets
  await supabase.from("strategies").insert({ name: "x", config: {}, market_type: "bonds" });
  // @ts-expect-error not one of the timeframes
  await supabase.from("strategies").update({ timeframe: "2h" }).eq("id", "x");
  // @ts-expect-error an object, not an array
  await supabase.from("strategies").insert({ name: "x", config: [] });
  // @ts-expect-error no such column
  await supabase.from("strategies").insert({ title: "x", config: {} });
  // @ts-expect-error not one of the statuses
  await supabase.from("subscriptions").select().eq("status", "cancelled");
  // @ts-expect-error a table of the app's own: the title is a text
  await supabase.from("watchlists").insert({ title: 1, strategy_id: "x" });
  // @ts-expect-error no such table in an app without its own
  await plain.from("watchlists").select();
  const { data } = await supabase.rpc("get_strategy", { strategy_id: "x" }).throwOnError();
  // @ts-expect-error no such field in the document
  console.log(data.title);
  // @ts-expect-error not one of the codes
  const code: ErrorCode = "no_credits";
  console.log(code);
}
