import { z } from "zod";
import { type Failure, isFailure } from "../http/failure.ts";
import { callRpc, type RpcClient } from "../supabase/rpc.ts";
import { applyRead, runOpenTasks } from "./apply-read.ts";
import { takeEvent } from "./delivery.ts";
import type { Provider, Providers } from "./provider.ts";
import { endCheckout } from "./sync.ts";

/** What a reconciliation did. */
export interface Reconciled {
  /** Subscriptions and packs that were read and applied. */
  read: number;
  parked: number;
  /** Reads and tasks that failed; the next call tries them again. */
  failed: number;
  /** Events that had failed, or waited for an object, and are settled now. */
  replayed: number;
  /** The subscription at which time ran out; null where everything was read. */
  next: string | null;
}

/** How to reconcile. */
export interface ReconcileOptions {
  /** From when on something may have been missed. */
  since: Date;
  /** What an earlier call answered as `next`. */
  after?: string | undefined;
  /** Milliseconds since 1970 at which no further read is begun. */
  until?: number;
  /** Told of everything that parked or failed. */
  report?: (line: string) => void;
}

/** Reads at once, of each provider: far below what Stripe allows, and each takes a few requests. */
const concurrency = 4;

const targetsSchema = z.array(z.object({ id: z.string() }));
const targetPage = 500;

/**
 * Reads every subscription that runs or may have changed, every pack and every session since a time, and applies them;
 * finishes what events and tasks were left over. Afterwards the state is what it would have been, had no event been lost.
 */
export async function reconcile(
  service: RpcClient,
  providers: Providers,
  { since, after = "", until = Number.POSITIVE_INFINITY, report = () => {} }: ReconcileOptions,
): Promise<Reconciled | Failure> {
  const result: Reconciled = { read: 0, parked: 0, failed: 0, replayed: 0, next: null };

  async function apply(name: string, read: Parameters<typeof applyRead>[2]): Promise<void> {
    try {
      const parked = await applyRead(service, providers, read);
      if (isFailure(parked)) throw new Error(parked.cause ?? parked.code);
      result.read += 1;
      result.parked += parked.length;
      for (const { subscription, reason } of parked) report(`parked  ${subscription}  ${reason}`);
    } catch (error) {
      result.failed += 1;
      report(`failed  ${name}  ${error instanceof Error ? error.message : ""}`);
    }
  }

  for (const provider of Object.values(providers).sort(byName)) {
    const found = await targetsOf(service, provider, since);
    if (isFailure(found)) return found;
    // Sorted, so that a call can go on where another has stopped.
    const ids = [...found].filter((id) => `${provider.name}:${id}` >= after).sort();
    await inParallel(ids, concurrency, async (id) => {
      if (Date.now() > until) {
        const place = `${provider.name}:${id}`;
        if (result.next === null || place < result.next) result.next = place;
        return;
      }
      await apply(id, async () => ({ snapshots: [await provider.read(id)], purchases: [] }));
    });
    if (result.next !== null) return result;
    for await (const purchase of provider.purchasesSince(since)) {
      await apply(purchase.session_id, () =>
        Promise.resolve({ snapshots: [], purchases: [purchase] }),
      );
    }
    for await (const { id, userId, completed } of provider.sessionsSince(since)) {
      await endCheckout(service, userId, id, completed);
    }
  }

  result.replayed = await replayUnsettled(service, providers, report);
  result.failed += await runOpenTasks(service, providers);
  return result;
}

function byName({ name }: Provider, other: Provider): number {
  return name < other.name ? -1 : 1;
}

/** Ids of every subscription to read: those that our books have, and those that the provider tells of. */
async function targetsOf(
  service: RpcClient,
  provider: Provider,
  since: Date,
): Promise<Set<string> | Failure> {
  const ids = new Set<string>();
  let after: string | null = null;
  for (;;) {
    const page: z.output<typeof targetsSchema> | Failure = await callRpc(
      service,
      "reconcile_targets",
      {
        provider: provider.name,
        since: since.toISOString(),
        after_id: after,
        page_size: targetPage,
      },
      targetsSchema,
    );
    if (isFailure(page)) return page;
    for (const { id } of page) ids.add(id);
    after = page.at(-1)?.id ?? null;
    if (page.length < targetPage) break;
  }
  for await (const id of provider.changedSince(since)) ids.add(id);
  return ids;
}

const eventsSchema = z.array(
  z.object({
    provider: z.enum(["stripe", "paypal"]),
    event_id: z.string(),
    type: z.string(),
    status: z.string(),
    error: z.string().nullable(),
    payload: z.unknown(),
  }),
);

/** An event that is not settled. */
export type KeptEvent = z.output<typeof eventsSchema>[number];

/** Events that failed, were cut off or wait for an object whose time has come; or the one that is named. */
export async function unsettledEvents(
  service: RpcClient,
  filter: { provider: string | null; event_id: string | null },
): Promise<KeptEvent[] | Failure> {
  return await callRpc(service, "unsettled_webhook_events", filter, eventsSchema);
}

/** Takes a kept event in as the webhook would: what counts is what the provider says now. */
export async function replayEvent(
  service: RpcClient,
  providers: Providers,
  kept: KeptEvent,
): Promise<string> {
  const provider = providers[kept.provider];
  if (provider === undefined) return `failed: ${kept.provider} is not set up here`;
  const event = provider.parse(kept.payload);
  if (event === null) return "failed: the event that was kept cannot be read";
  const status = await takeEvent(service, provider, providers, event);
  return isFailure(status) ? `failed: ${status.message}` : status;
}

async function replayUnsettled(
  service: RpcClient,
  providers: Providers,
  report: (line: string) => void,
): Promise<number> {
  const events = await unsettledEvents(service, { provider: null, event_id: null });
  if (isFailure(events)) return 0;
  let replayed = 0;
  for (const event of events) {
    const outcome = await replayEvent(service, providers, event);
    if (outcome.startsWith("failed")) report(`failed  ${event.event_id}  ${outcome}`);
    else replayed += 1;
  }
  return replayed;
}

async function inParallel<T>(
  items: readonly T[],
  workers: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: workers }, worker));
}
