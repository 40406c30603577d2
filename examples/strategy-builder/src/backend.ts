import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import {
  type ComponentType,
  type Database,
  type FunctionName,
  invokeFunction,
  type MarketType,
  type Tables,
  type TablesUpdate,
  type Timeframe,
} from "pinebase";
import { useSession, useUserId } from "./session.tsx";
import { supabase } from "./supabase.ts";

/*
 * All requests of this app to the backend: a hook for each query, a function for each change. Errors are thrown, and
 * TanStack Query passes them to the page as `error`. After a change, main.tsx repeats all queries of the page.
 */

/** The data of an answer. `throwOnError()` makes supabase-js throw an error instead of returning it. */
export async function dataOf<Data>(request: { throwOnError(): PromiseLike<{ data: Data }> }): Promise<Data> {
  return (await request.throwOnError()).data;
}

/** The same for Auth, which has no `throwOnError()`. */
export async function orThrow<Answer extends { data: unknown; error: unknown }>(
  request: Promise<Answer>,
): Promise<Answer["data"]> {
  const { data, error } = await request;
  if (error) throw error;
  return data;
}

/** The answer of an edge function, typed by the schemas of the package. */
async function invoke<Name extends FunctionName>(name: Name, body: Parameters<typeof invokeFunction<Name>>[2]) {
  const { data, error } = await invokeFunction(supabase, name, body);
  if (error) throw error;
  return data;
}

/** The signed-in user's account: user, plan, subscription, credits. It is not queried for a visitor. */
export function useAccount() {
  const session = useSession();
  return useQuery({
    queryKey: ["account"],
    enabled: session !== null,
    queryFn: () => dataOf(supabase.rpc("get_my_account")),
  });
}

// Strategies

/** The user's own strategies. Without the filter the answer would include everybody's public strategies. */
export function useMyStrategies() {
  const userId = useUserId();
  return useQuery({
    queryKey: ["strategies"],
    queryFn: () =>
      dataOf(
        supabase
          .from("strategies")
          .select(
            "id, name, description, market_type, timeframe, is_public, is_ai_generated, current_version, updated_at",
          )
          .eq("user_id", userId)
          .order("updated_at", { ascending: false }),
      ),
  });
}

/** A whole strategy with its components, which is the user's own or public. */
export function useStrategy(id: string | null) {
  return useQuery({
    queryKey: ["strategy", id],
    enabled: id !== null,
    queryFn: () => dataOf(supabase.rpc("get_strategy", { strategy_id: id ?? "" })),
  });
}

/** Saves a strategy, completely or not at all. Arguments that are left out do not change it. */
export function saveStrategy(strategy: Database["public"]["Functions"]["save_strategy"]["Args"]) {
  return dataOf(supabase.rpc("save_strategy", strategy));
}

/** The versions that are kept, newest first. */
export function useVersions(strategyId: string) {
  return useQuery({
    queryKey: ["strategy", strategyId, "versions"],
    queryFn: () =>
      dataOf(
        supabase
          .from("strategy_versions")
          .select("version_number, notes, created_at, config")
          .eq("strategy_id", strategyId)
          .order("version_number", { ascending: false }),
      ),
  });
}

/** Appends a new version that equals an old one. */
export function restoreVersion(strategy_id: string, version_number: number) {
  const notes = `Restored version ${version_number}`;
  return dataOf(supabase.rpc("restore_strategy_version", { strategy_id, version_number, notes }));
}

/** Copies a public strategy to the user's own. */
export function forkStrategy(strategy_id: string) {
  return dataOf(supabase.rpc("fork_strategy", { strategy_id }));
}

export interface GalleryFilter {
  search: string;
  market_type: MarketType | null;
  timeframe: Timeframe | null;
}

/** All public strategies, newest first, in pages. */
export function useGallery(filter: GalleryFilter) {
  return useInfiniteQuery({
    queryKey: ["gallery", filter],
    placeholderData: keepPreviousData,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam: cursor }) => {
      const search = filter.search.trim() || null;
      return dataOf(supabase.rpc("list_public_strategies", { ...filter, search, cursor, page_size: 12 }));
    },
    getNextPageParam: ({ next_cursor }) => next_cursor,
  });
}

// Indicators

const indicatorsPerPage = 25;

/** The indicators of the library, best match first, in pages. */
export function useIndicators(search: string, type: ComponentType | null) {
  return useInfiniteQuery({
    queryKey: ["indicators", search, type],
    placeholderData: keepPreviousData,
    initialPageParam: 1,
    queryFn: ({ pageParam: page }) =>
      dataOf(
        supabase.rpc("search_indicators", {
          search: search.trim() || null,
          type,
          page,
          page_size: indicatorsPerPage,
        }),
      ),
    getNextPageParam: (last, pages) => (last.length === indicatorsPerPage ? pages.length + 1 : null),
  });
}

/** The parameter schema of every indicator of the library, by its id. */
export function useSchemas() {
  return useQuery({
    queryKey: ["schemas"],
    staleTime: "static",
    queryFn: async () => {
      const indicators = await dataOf(supabase.from("indicators").select("id, parameters"));
      return new Map(indicators.map(({ id, parameters }) => [id, parameters]));
    },
  });
}

// Keys of language models

export function useApiKeys() {
  return useQuery({
    queryKey: ["keys"],
    queryFn: () =>
      dataOf(
        supabase.from("api_keys").select("provider, key_hint, last_used, verified_at, rejected_at").order("provider"),
      ),
  });
}

/** The newest rows of the audit trail, one for each time a key was stored, used or deleted. */
export function useKeyEvents() {
  return useQuery({
    queryKey: ["keys", "events"],
    queryFn: () =>
      dataOf(
        supabase
          .from("api_key_events")
          .select("id, provider, action, created_at")
          .order("id", { ascending: false })
          .limit(20),
      ),
  });
}

/** The providers of language models for which a key can be stored. */
export function useProviders() {
  return useQuery({
    queryKey: ["providers"],
    staleTime: "static",
    queryFn: () => dataOf(supabase.rpc("list_llm_providers")),
  });
}

/** Checks the key with its provider, then stores it encrypted. It replaces an earlier key for the same provider. */
export function storeKey(key: { provider: string; api_key: string }) {
  return invoke("store-api-key", key);
}

export function deleteKey(provider: string) {
  return dataOf(supabase.rpc("delete_api_key", { provider }));
}

// Credits

/** The newest rows of the ledger. */
export function useLedger() {
  return useQuery({
    queryKey: ["account", "ledger"],
    queryFn: () =>
      dataOf(
        supabase
          .from("credit_transactions")
          .select("id, created_at, kind, delta, balance_after, reason")
          .order("id", { ascending: false })
          .limit(100),
      ),
  });
}

/** Spends one credit. The idempotency key makes sure that a request which is sent twice is charged once. */
export function spendCredit(reason: string | null) {
  const idempotency_key = crypto.randomUUID();
  return dataOf(supabase.rpc("consume_credits", { amount: 1, reason, idempotency_key }));
}

// Plans and payments

/** A price of a plan or pack. */
export type Price = Pick<Tables<"prices">, "provider" | "currency" | "unit_amount" | "interval">;

/** A plan or a pack of credits with its prices. */
export interface Offer {
  sells: "plan" | "pack";
  /** Its `plan_type` or `pack_type`. */
  type: string;
  name: string;
  contents: string[];
  prices: Price[];
}

/** All plans and packs. Visitors can read them too. */
export function useOffers() {
  return useQuery({
    queryKey: ["offers"],
    queryFn: async (): Promise<Offer[]> => {
      const [plans, packs, prices] = await Promise.all([
        dataOf(supabase.from("plans").select("*").order("monthly_credits").order("plan_type")),
        dataOf(supabase.from("credit_packs").select("*").order("credits")),
        dataOf(supabase.from("prices").select("provider, plan_type, pack_type, currency, unit_amount, interval")),
      ]);
      return [
        ...plans.map((plan) => ({
          sells: "plan" as const,
          type: plan.plan_type,
          name: plan.name,
          contents: [
            `${plan.monthly_credits} credits a month`,
            plan.max_strategies === null ? "Any number of strategies" : `${plan.max_strategies} strategies`,
            `${plan.max_versions} versions of each`,
            ...(plan.trial_days > 0 ? [`The first ${plan.trial_days} days are free, once for each person`] : []),
          ],
          prices: prices.filter(({ plan_type }) => plan_type === plan.plan_type),
        })),
        ...packs.map((pack) => ({
          sells: "pack" as const,
          type: pack.pack_type,
          name: pack.name,
          contents: [`${pack.credits} credits, paid for once`],
          prices: prices.filter(({ pack_type }) => pack_type === pack.pack_type),
        })),
      ];
    },
  });
}

/** Sends the browser to the provider's checkout, which sends it back to the plans page. */
export async function buy({ sells, type }: Offer, { provider, currency }: Price) {
  const done = `${window.location.origin}/plans?checkout=done`;
  const cancel_url = `${window.location.origin}/plans?checkout=abandoned`;
  const { url } =
    provider === "paypal"
      ? await invoke("create-paypal-subscription", { plan_type: type, currency, return_url: done, cancel_url })
      : await invoke("create-checkout-session", {
          ...(sells === "plan" ? { plan_type: type } : { pack_type: type }),
          currency,
          success_url: done,
          cancel_url,
        });
  window.location.assign(url);
}

/** Sends the browser to the provider's page for changing or cancelling a subscription. */
export async function openPortal() {
  const { url } = await invoke("create-portal-session", { return_url: `${window.location.origin}/plans` });
  window.location.assign(url);
}

/** Makes the backend read the user's subscription from its provider. */
export function syncSubscription() {
  return invoke("sync-subscription", {});
}

export function redeemCoupon(code: string) {
  return invoke("redeem-coupon", { code });
}

// The account

/** Changes columns of the user's own row. */
export function updateProfile(id: string, columns: TablesUpdate<"users">) {
  return dataOf(supabase.from("users").update(columns).eq("id", id));
}

/** All rows about the user. */
export async function exportMyData() {
  const all: Record<string, unknown[]> = {};
  let page = await dataOf(supabase.rpc("export_my_data"));
  for (const section of page.sections) {
    if (page.section !== section) page = await dataOf(supabase.rpc("export_my_data", { section }));
    all[section] = page.rows;
    while (page.next_cursor) {
      page = await dataOf(supabase.rpc("export_my_data", { section, cursor: page.next_cursor }));
      all[section].push(...page.rows);
    }
  }
  return all;
}

/** Deletes the account and everything in it. The user confirms by typing the account's email. */
export async function deleteAccount(confirm_email: string) {
  await invoke("delete-account", { confirm_email });
  // The server has already deleted the session with the user; this removes it from the browser.
  await supabase.auth.signOut({ scope: "local" });
}
