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
 * Everything that this app asks of the backend: a hook for each question, a function for each change. What the backend
 * refuses is thrown, and TanStack Query hands it to the page as `error`. After a change, main.tsx has every question on
 * the page asked again.
 */

/** The answer alone. `throwOnError()` makes supabase-js throw what was refused. */
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

/** The account of the person who is signed in: user, plan, subscription, credits. A visitor has none. */
export function useAccount() {
  const session = useSession();
  return useQuery({
    queryKey: ["account"],
    enabled: session !== null,
    queryFn: () => dataOf(supabase.rpc("get_my_account")),
  });
}

// Strategies

/** One's own strategies. Without the filter the answer would hold everybody's public ones too. */
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

/** A whole strategy with its components: one's own or a public one. */
export function useStrategy(id: string | null) {
  return useQuery({
    queryKey: ["strategy", id],
    enabled: id !== null,
    queryFn: () => dataOf(supabase.rpc("get_strategy", { strategy_id: id ?? "" })),
  });
}

/** Saves a whole strategy or nothing of it. What is left out stays as it is. */
export function saveStrategy(strategy: Database["public"]["Functions"]["save_strategy"]["Args"]) {
  return dataOf(supabase.rpc("save_strategy", strategy));
}

/** Every version that the plan keeps, newest first. */
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

/** A copy of a public strategy that belongs to the caller. */
export function forkStrategy(strategy_id: string) {
  return dataOf(supabase.rpc("fork_strategy", { strategy_id }));
}

export interface GalleryFilter {
  search: string;
  market_type: MarketType | null;
  timeframe: Timeframe | null;
}

/** What everybody has published, newest first, a page at a time. */
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

/** The library, best match first, a page at a time. */
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

/** The newest rows of the audit trail: every key that was stored, used or deleted. */
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

/** The providers of language models that a key can be stored for. */
export function useProviders() {
  return useQuery({
    queryKey: ["providers"],
    staleTime: "static",
    queryFn: () => dataOf(supabase.rpc("list_llm_providers")),
  });
}

/** Asks the provider whether the key works, then stores it encrypted in place of the one before. */
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

/** Spends one credit. The idempotency key belongs to the attempt: sent twice, it is charged once. */
export function spendCredit(reason: string | null) {
  const idempotency_key = crypto.randomUUID();
  return dataOf(supabase.rpc("consume_credits", { amount: 1, reason, idempotency_key }));
}

// Plans and money

/** What one price asks for. */
export type Price = Pick<Tables<"prices">, "provider" | "currency" | "unit_amount" | "interval">;

/** A plan or a pack of credits with what it costs. */
export interface Offer {
  sells: "plan" | "pack";
  /** Its `plan_type` or `pack_type`. */
  type: string;
  name: string;
  contents: string[];
  prices: Price[];
}

/** Everything that is on sale. Visitors may see it. */
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

/** Sends the browser to the provider's checkout, which sends it back to the page of the plans. */
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

/** Sends the browser to the page where a subscription is changed or ended. */
export async function openPortal() {
  const { url } = await invoke("create-portal-session", { return_url: `${window.location.origin}/plans` });
  window.location.assign(url);
}

/** Has the backend read the subscription from its provider now. */
export function syncSubscription() {
  return invoke("sync-subscription", {});
}

export function redeemCoupon(code: string) {
  return invoke("redeem-coupon", { code });
}

// The person

/** Changes columns of one's own row. */
export function updateProfile(id: string, columns: TablesUpdate<"users">) {
  return dataOf(supabase.from("users").update(columns).eq("id", id));
}

/** Every row that is about the person. */
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

/** Deletes the account with everything in it. The email, typed by its owner, is the confirmation. */
export async function deleteAccount(confirm_email: string) {
  await invoke("delete-account", { confirm_email });
  // The session's user is gone. Only this browser has to forget it.
  await supabase.auth.signOut({ scope: "local" });
}
