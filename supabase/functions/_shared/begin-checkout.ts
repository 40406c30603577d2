import { z } from "zod";
import type { Failure } from "./failure.ts";
import { callRpc, type RpcClient } from "./rpc.ts";

const begunSchema = z.union([
  z.object({ expire_session: z.string(), provider: z.enum(["stripe", "paypal"]) }),
  z.object({
    attempt: z.uuid(),
    session_id: z.string().nullable(),
    url: z.string().nullable(),
    email: z.string(),
    price_id: z.string().nullable(),
    customer_id: z.string().nullable(),
    coupon: z.object({ code: z.string() }).nullable(),
  }),
]);

/** A checkout that was begun, or the session that has to be closed before one can be. */
export type BegunCheckout = z.output<typeof begunSchema>;

/** What a user asks for. */
export interface CheckoutRequest {
  user_id: string;
  provider: "stripe" | "paypal";
  plan_type: string;
  /** Equal for two requests that one session serves. */
  fingerprint: string;
}

/** Begins the user's one checkout, or answers the one that is open. */
export async function beginCheckout(
  service: RpcClient,
  request: CheckoutRequest,
): Promise<BegunCheckout | Failure> {
  return await callRpc(service, "begin_checkout", { ...request }, begunSchema);
}

/** Closes a session: its coupon is spent, free again, or with null still reserved. */
export async function endCheckout(
  service: RpcClient,
  userId: string,
  sessionId: string,
  completed: boolean | null,
): Promise<unknown> {
  const args = { user_id: userId, session_id: sessionId, completed };
  return await callRpc(service, "end_checkout", args, z.unknown());
}

/** Notes the session that the provider made for an attempt; false where another attempt has replaced it. */
export async function openCheckout(
  service: RpcClient,
  session: { attempt: string; session_id: string; url: string; expires_at: string },
): Promise<boolean | Failure> {
  return await callRpc(service, "open_checkout", { ...session }, z.boolean());
}
