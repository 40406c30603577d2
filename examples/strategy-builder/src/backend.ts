import {
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import type { Database, MarketType, StrategyDocument, Timeframe } from "pinebase";
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
        .select("id, name, description, market_type, timeframe, is_public, current_version, updated_at")
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
        [["strategies"], ["gallery"], ["strategy", document.strategy_id, "versions"]].map((queryKey) =>
          queryClient.invalidateQueries({ queryKey }),
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

/** The library, best match first. */
export function useIndicators(search: string, type: SearchType) {
  return useQuery({
    queryKey: ["indicators", search, type],
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => {
      const { data } = await supabase
        .rpc("search_indicators", { search: search.trim() || null, type, page_size: 100 })
        .throwOnError();
      return data;
    },
  });
}
type SearchType = Database["public"]["Functions"]["search_indicators"]["Args"]["type"];
