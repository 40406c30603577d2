import {
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import type {
  ComponentType,
  Coupon,
  Database,
  MarketType,
  StrategyDocument,
  Tables,
  Timeframe,
} from "pinebase";
import { useUserId } from "./session.tsx";
import { supabase } from "./supabase.ts";

/*
 * Everything that this app asks of the backend, one hook for each question. `throwOnError()` makes supabase-js throw what
 * the backend refused, and TanStack Query hands it to the page as `error`.
 */

/** The account of the person who is signed in: user, plan, subscription, credits. */
export function useAccount() {
  return useQuery({
    queryKey: ["account"],
    queryFn: async () => (await supabase.rpc("get_my_account").throwOnError()).data,
  });
}

// Strategies

/** One's own strategies. Without the filter the answer would hold everybody's public ones too. */
export function useMyStrategies() {
  const userId = useUserId();
  return useQuery({
    queryKey: ["strategies"],
    queryFn: async () => {
      const { data } = await supabase
        .from("strategies")
        .select(
          "id, name, description, market_type, timeframe, is_public, current_version, updated_at",
        )
        .eq("user_id", userId)
        .order("updated_at", { ascending: false })
        .throwOnError();
      return data;
    },
  });
}

/** A whole strategy with its components: one's own or a public one. */
export function useStrategy(id: string | null) {
  return useQuery({
    queryKey: ["strategy", id],
    enabled: id !== null,
    queryFn: async () =>
      (await supabase.rpc("get_strategy", { strategy_id: id ?? "" }).throwOnError()).data,
  });
}

export type SaveStrategy = Database["public"]["Functions"]["save_strategy"]["Args"];

/** Saves a whole strategy or nothing of it. What is left out stays as it is. */
export function useSaveStrategy() {
  return useStrategyMutation(
    async (strategy: SaveStrategy) =>
      (await supabase.rpc("save_strategy", strategy).throwOnError()).data,
  );
}

/** Every version that the plan keeps, newest first. */
export function useVersions(strategyId: string) {
  return useQuery({
    queryKey: ["strategy", strategyId, "versions"],
    queryFn: async () => {
      const { data } = await supabase
        .from("strategy_versions")
        .select("version_number, notes, created_at, config")
        .eq("strategy_id", strategyId)
        .order("version_number", { ascending: false })
        .throwOnError();
      return data;
    },
  });
}

/** Appends a new version that equals an old one. */
export function useRestoreVersion(strategyId: string) {
  return useStrategyMutation(async (version_number: number) => {
    const { data } = await supabase
      .rpc("restore_strategy_version", {
        strategy_id: strategyId,
        version_number,
        notes: `Restored version ${version_number}`,
      })
      .throwOnError();
    return data;
  });
}

export function useDeleteStrategy() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: async (id: string) => {
      await supabase.from("strategies").delete().eq("id", id).throwOnError();
    },
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["strategies"] }),
  });
}

/** A copy of a public strategy that belongs to the caller. */
export function useForkStrategy() {
  return useStrategyMutation(
    async (strategy_id: string) =>
      (await supabase.rpc("fork_strategy", { strategy_id }).throwOnError()).data,
  );
}

/** A call that answers a strategy's document: the caches of that strategy and of the lists follow. */
function useStrategyMutation<Input>(mutationFn: (input: Input) => Promise<StrategyDocument>) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn,
    onSuccess: async (document) => {
      queryClient.setQueryData(["strategy", document.strategy_id], document);
      await Promise.all(
        [["strategies"], ["gallery"], ["strategy", document.strategy_id, "versions"]].map(
          (queryKey) => queryClient.invalidateQueries({ queryKey }),
        ),
      );
    },
  });
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
    queryFn: async ({ pageParam: cursor }) => {
      const search = filter.search.trim() || null;
      const { data } = await supabase
        .rpc("list_public_strategies", { ...filter, search, cursor, page_size: 12 })
        .throwOnError();
      return data;
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
    queryFn: async ({ pageParam: page }) => {
      const { data } = await supabase
        .rpc("search_indicators", {
          search: search.trim() || null,
          type,
          page,
          page_size: indicatorsPerPage,
        })
        .throwOnError();
      return data;
    },
    getNextPageParam: (last, pages) =>
      last.length === indicatorsPerPage ? pages.length + 1 : null,
  });
}

/** The parameter schema of every indicator of the library, by its id. */
export function useSchemas() {
  return useQuery({
    queryKey: ["schemas"],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => {
      const { data } = await supabase.from("indicators").select("id, parameters").throwOnError();
      return new Map(data.map(({ id, parameters }) => [id, parameters]));
    },
  });
}

// Keys of language models

export function useApiKeys() {
  return useQuery({
    queryKey: ["keys"],
    queryFn: async () => {
      const { data } = await supabase
        .from("api_keys")
        .select("provider, key_hint, last_used")
        .order("provider")
        .throwOnError();
      return data;
    },
  });
}

/** The newest rows of the audit trail: every key that was stored, used or deleted. */
export function useKeyEvents() {
  return useQuery({
    queryKey: ["keys", "events"],
    queryFn: async () => {
      const { data } = await supabase
        .from("api_key_events")
        .select("id, provider, action, created_at")
        .order("id", { ascending: false })
        .limit(20)
        .throwOnError();
      return data;
    },
  });
}

/** Encrypts a key and stores it in place of the one before. */
export function useStoreKey() {
  return useInvalidating(
    ["keys"],
    async (key: { provider: string; api_key: string }) =>
      (await supabase.rpc("store_api_key", key).throwOnError()).data,
  );
}

export function useDeleteKey() {
  return useInvalidating(
    ["keys"],
    async (provider: string) =>
      (await supabase.rpc("delete_api_key", { provider }).throwOnError()).data,
  );
}

// Credits

/** The newest rows of the ledger. */
export function useLedger() {
  return useQuery({
    queryKey: ["account", "ledger"],
    queryFn: async () => {
      const { data } = await supabase
        .from("credit_transactions")
        .select("id, created_at, kind, delta, balance_after, reason")
        .order("id", { ascending: false })
        .limit(100)
        .throwOnError();
      return data;
    },
  });
}

/** Spends one credit. The idempotency key belongs to the attempt: sent twice, it is charged once. */
export function useSpendCredit() {
  return useInvalidating(["account"], async (reason: string) => {
    const { data } = await supabase
      .rpc("consume_credits", {
        amount: 1,
        reason: reason.trim() || null,
        idempotency_key: crypto.randomUUID(),
      })
      .throwOnError();
    return data;
  });
}

/** A call after which everything below `queryKey` is read again. */
function useInvalidating<Input, Output>(
  queryKey: readonly string[],
  mutationFn: (input: Input) => Promise<Output>,
) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn,
    onSuccess: () => queryClient.invalidateQueries({ queryKey }),
  });
}

// Plans and money

/** What one price asks for. */
export type Price = Pick<
  Tables<"prices">,
  "provider" | "currency" | "unit_amount" | "interval" | "interval_count"
>;

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
        supabase.from("plans").select("*").order("monthly_credits").throwOnError(),
        supabase.from("credit_packs").select("*").order("credits").throwOnError(),
        supabase
          .from("prices")
          .select("provider, plan_type, pack_type, currency, unit_amount, interval, interval_count")
          .throwOnError(),
      ]);
      return [
        ...plans.data.map((plan) => ({
          sells: "plan" as const,
          type: plan.plan_type,
          name: plan.name,
          contents: [
            `${plan.monthly_credits} credits a month`,
            plan.max_strategies === null
              ? "Any number of strategies"
              : `${plan.max_strategies} strategies`,
            `${plan.max_versions} versions of each`,
          ],
          prices: prices.data.filter(({ plan_type }) => plan_type === plan.plan_type),
        })),
        ...packs.data.map((pack) => ({
          sells: "pack" as const,
          type: pack.pack_type,
          name: pack.name,
          contents: [`${pack.credits} credits, which do not expire`],
          prices: prices.data.filter(({ pack_type }) => pack_type === pack.pack_type),
        })),
      ];
    },
  });
}

/** Sends the browser to the provider's checkout, which sends it back to the page of the plans. */
export function useCheckout() {
  const page = `${window.location.origin}/plans`;
  return useMutation({
    mutationFn: async ({ offer, price }: { offer: Offer; price: Price }) => {
      const what = offer.sells === "plan" ? { plan_type: offer.type } : { pack_type: offer.type };
      const { url } =
        price.provider === "paypal"
          ? await invoke<{ url: string }>("create-paypal-subscription", {
              ...what,
              return_url: `${page}?checkout=done`,
              cancel_url: `${page}?checkout=abandoned`,
            })
          : await invoke<{ url: string }>("create-checkout-session", {
              ...what,
              success_url: `${page}?checkout=done`,
              cancel_url: `${page}?checkout=abandoned`,
            });
      window.location.assign(url);
    },
  });
}

/** Sends the browser to the page where a subscription is changed or ended. */
export function usePortal() {
  return useMutation({
    mutationFn: async () => {
      const { url } = await invoke<{ url: string }>("create-portal-session", {
        return_url: `${window.location.origin}/plans`,
      });
      window.location.assign(url);
    },
  });
}

/** Has the backend read the subscription from its provider now. */
export function useSyncSubscription() {
  return useInvalidating(["account"], () => invoke("sync-subscription", {}));
}

export function useRedeemCoupon() {
  return useInvalidating(["account"], (code: string) =>
    invoke<{ coupon: Coupon }>("redeem-coupon", { code }),
  );
}

// The person

export function useUpdateProfile() {
  const userId = useUserId();
  return useInvalidating(
    ["account"],
    async ({ full_name, public_name }: { full_name: string; public_name: string }) => {
      await supabase
        .from("users")
        .update({ full_name: full_name.trim() || null, public_name: public_name.trim() || null })
        .eq("id", userId)
        .throwOnError();
    },
  );
}

/** Every row that is about the person. */
export async function exportMyData() {
  return (await supabase.rpc("export_my_data").throwOnError()).data;
}

/** Deletes the account with everything in it. The email, typed by its owner, is the confirmation. */
export function useDeleteAccount() {
  return useMutation({
    mutationFn: async (confirm_email: string) => {
      await invoke("delete-account", { confirm_email });
      // The session's user is gone. Only this browser has to forget it.
      await supabase.auth.signOut({ scope: "local" });
    },
  });
}

async function invoke<Answer>(name: string, body: object): Promise<Answer> {
  const { data, error } = await supabase.functions.invoke<Answer>(name, { body });
  if (error) throw error;
  return data as Answer;
}
