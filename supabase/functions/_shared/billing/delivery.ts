import { z } from "zod";
import { type Failure, isFailure } from "../http/failure.ts";
import { callRpc, type RpcClient } from "../supabase/rpc.ts";
import { runTasks, tasksSchema } from "./apply-read.ts";
import type { Provider, ProviderEvent, Providers } from "./provider.ts";
import type { Effect } from "./snapshot.ts";
import { upstreamFailure } from "./upstream.ts";

/** The outcome of a delivery. */
export type DeliveryStatus = "processed" | "duplicate" | "ignored" | "parked";

const begunSchema = z.union([
  z.object({ status: z.literal("duplicate") }),
  z.object({ status: z.literal("received"), read_number: z.string() }),
]);

const recordedSchema = z.object({
  status: z.enum(["processed", "duplicate", "ignored", "parked"]),
  tasks: tasksSchema.nullish(),
});

/**
 * Processes an event: draws a read number, reads the provider, and in one transaction records the event and applies what
 * was read. A failure is recorded and returned, so that the provider sends the event again.
 */
export async function processEvent(
  service: RpcClient,
  provider: Provider,
  providers: Providers,
  event: ProviderEvent,
): Promise<DeliveryStatus | Failure> {
  const key = { provider: provider.name, event_id: event.id };
  const { type, created, livemode, payload } = event;
  const begun = await callRpc(service, "begin_webhook_event", key, begunSchema);
  if (isFailure(begun)) return begun;
  if (begun.status === "duplicate") return "duplicate";

  const effect = await effectOf(provider, event);
  const recorded = isFailure(effect)
    ? effect
    : await callRpc(
        service,
        "record_webhook_event",
        { ...key, type, created, livemode, payload, effect, read_number: begun.read_number },
        recordedSchema,
      );
  if (isFailure(recorded)) {
    const { code, cause, message } = recorded;
    const error = `${code}${cause ? ` (${cause})` : ""}: ${message}`;
    const args = { ...key, type, created, livemode, payload, error };
    await callRpc(service, "fail_webhook_event", args, z.unknown());
    return recorded;
  }
  await runTasks(service, providers, recorded.tasks ?? []);
  return recorded.status;
}

async function effectOf(provider: Provider, event: ProviderEvent): Promise<Effect | Failure> {
  if (event.livemode !== provider.livemode) {
    return {
      kind: "ignored",
      reason: "The event belongs to the other mode, test or live.",
      other_mode: event.livemode ? "live" : "test",
    };
  }
  try {
    return await event.read();
  } catch (error) {
    return upstreamFailure(provider, error);
  }
}
