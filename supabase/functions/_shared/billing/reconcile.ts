import { z } from "zod";
import { type Failure, isFailure } from "../http/failure.ts";
import { callRpc, type RpcClient } from "../supabase/rpc.ts";
import { applyRead, runOpenTasks } from "./apply-read.ts";
import { processEvent } from "./delivery.ts";
import type { Provider, Providers } from "./provider.ts";
import { endCheckout } from "./sync.ts";

/** What a reconciliation did. */
export interface Reconciled {
  /** Subscriptions and packs that were read and applied. */
  read: number;
  parked: number;
  /** Reads and tasks that failed; the next call tries them again. */
  failed: number;
  /** Events that had failed or were parked, and are settled now. */
  replayed: number;
  /** The subscription at which time ran out; null where everything was read. */
  next: string | null;
}

/** How to reconcile. */
export interface ReconcileOptions {
  /** The time from which events may have been lost. */
  since: Date;
  /** The `next` of an earlier call, to continue it. */
  after?: string | undefined;
  /** Milliseconds since 1970, after which no further read begins. */
  until?: number;
  /** Called with one line for everything that was parked or failed. */
  report?: (line: string) => void;
}

/** Parallel reads of one provider, each of a few requests; far below Stripe's limit. */
const concurrency = 4;

const targetsSchema = z.array(z.object({ id: z.string() }));
const targetPage = 500;

/**
 * Reads and applies every subscription that is running or may have changed since a time, and every pack and session
 * since then; then finishes open events and tasks. Afterwards the state is the same as if no event had been lost.
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
    // Sorted, so that a call can continue where an earlier one stopped.
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

/** Ids of the subscriptions to read: those that the database has, and those that the provider lists. */
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
export type StoredEvent = z.output<typeof eventsSchema>[number];

/** Events that failed, were interrupted, or are parked and due to be tried again; or only the event of an id. */
export async function unsettledEvents(
  service: RpcClient,
  filter: { provider: string | null; event_id: string | null },
): Promise<StoredEvent[] | Failure> {
  return await callRpc(service, "unsettled_webhook_events", filter, eventsSchema);
}

/** Processes a stored event as the webhook does, by the present state at the provider. */
export async function replayEvent(
  service: RpcClient,
  providers: Providers,
  stored: StoredEvent,
): Promise<string> {
  const provider = providers[stored.provider];
  if (provider === undefined) return `failed: ${stored.provider} is not set up here`;
  const event = provider.parse(stored.payload);
  if (event === null) return "failed: the stored event cannot be parsed";
  const status = await processEvent(service, provider, providers, event);
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
