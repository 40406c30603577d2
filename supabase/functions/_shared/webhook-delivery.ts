import { z } from "zod";
import { type Failure, failure, isFailure } from "./failure.ts";
import { callRpc, type RpcClient } from "./rpc.ts";
import type { Effect } from "./snapshot.ts";

/** An event of a payment provider that is known to come from there. */
export interface Delivery {
  provider: "stripe" | "paypal";
  eventId: string;
  type: string;
  /** ISO 8601 */
  created: string;
  livemode: boolean;
  payload: Record<string, unknown>;
  /** Whether the effect comes from reading the provider, and not from the event. */
  canRead: boolean;
  /** Finds out what the event means. Throws where trying again may help. */
  findEffect(): Promise<Effect>;
}

/** What became of a delivery. */
export type DeliveryStatus = "processed" | "duplicate" | "ignored" | "parked";

const recordedSchema = z.union([
  z.object({ status: z.literal("duplicate") }),
  z.object({ status: z.literal("received"), read_number: z.string() }),
]);

const settledSchema = z.object({ status: z.enum(["processed", "duplicate", "ignored", "parked"]) });

/**
 * Takes a delivery in: records it and draws a number, reads the provider, and settles it in one transaction with
 * what it causes. What fails is kept as failed, and a failure returned, so that the provider sends it again.
 */
export async function takeDelivery(
  service: RpcClient,
  delivery: Delivery,
): Promise<DeliveryStatus | Failure> {
  const event = { provider: delivery.provider, event_id: delivery.eventId };
  const { type, created, livemode, payload, canRead } = delivery;
  const recorded = await callRpc(
    service,
    "record_webhook_event",
    { ...event, type, created, livemode, payload, can_read: canRead },
    recordedSchema,
  );
  if (isFailure(recorded)) return recorded;
  if (recorded.status === "duplicate") return "duplicate";

  const settled = await settle(service, delivery, recorded.read_number);
  if (!isFailure(settled)) return settled;
  // If this fails too, the event stays as received, which a replay finds as well.
  await callRpc(service, "fail_webhook_event", { ...event, error: reasonOf(settled) }, z.unknown());
  return settled;
}

async function settle(
  service: RpcClient,
  delivery: Delivery,
  readNumber: string,
): Promise<DeliveryStatus | Failure> {
  let effect: Effect;
  try {
    effect = await delivery.findEffect();
  } catch (error) {
    return upstreamFailure(delivery.provider, error);
  }
  const settled = await callRpc(
    service,
    "settle_webhook_event",
    {
      provider: delivery.provider,
      event_id: delivery.eventId,
      read_number: readNumber,
      effect,
    },
    settledSchema,
  );
  return isFailure(settled) ? settled : settled.status;
}

/** A payment provider did not answer, or not as documented. The error's own text stays out of the log. */
export function upstreamFailure(provider: "stripe" | "paypal", error: unknown): Failure {
  const name = provider === "stripe" ? "Stripe" : "PayPal";
  const cause = error instanceof Error ? error.name : typeof error;
  return failure("upstream_error", `${name} cannot be asked now. Try again later.`, {
    facts: { provider },
    cause: `${provider}:${cause}`,
  });
}

function reasonOf({ code, message, cause }: Failure): string {
  return `${code}${cause ? ` (${cause})` : ""}: ${message}`;
}
