import { z } from "zod";
import { type Failure, isFailure } from "../http/failure.ts";
import { callRpc, type RpcClient } from "../supabase/rpc.ts";

const allowedSchema = z.object({ ok: z.literal(true) });

/**
 * Counts a call of a user that makes us ask a payment provider: 20 in 10 minutes over the functions that share this,
 * or one person could use up what the provider allows to all.
 */
export async function countBillingCall(
  service: RpcClient,
  userId: string,
): Promise<Failure | null> {
  const counted = await callRpc(service, "take_billing_call", { user_id: userId }, allowedSchema);
  return isFailure(counted) ? counted : null;
}

/**
 * Asks PayPal whether it sent a body, 60 times a minute for bodies that it did not send: anybody can post one. An ask is
 * counted before and given back when the delivery was genuine.
 */
export function limitAsks(
  service: RpcClient,
  verify: (body: string, headers: Headers) => Promise<boolean>,
): (body: string, headers: Headers) => Promise<boolean | Failure> {
  return async (body, headers) => {
    const counted = await callRpc(service, "take_paypal_ask", {}, allowedSchema);
    if (isFailure(counted)) return counted;
    const isGenuine = await verify(body, headers);
    if (isGenuine) await callRpc(service, "return_paypal_ask", {}, z.unknown());
    return isGenuine;
  };
}
