import { z } from "zod";
import { type Failure, isFailure } from "../http/failure.ts";
import { callRpc, type RpcClient } from "../supabase/rpc.ts";

const allowedSchema = z.object({ ok: z.literal(true) });

/**
 * Counts a user's call of a function that calls a payment provider. A user has 20 in 10 minutes for all these functions
 * together, because otherwise one user could use up the provider's rate limit for everybody.
 */
export async function countBillingCall(
  service: RpcClient,
  userId: string,
): Promise<Failure | null> {
  const counted = await callRpc(service, "take_billing_call", { user_id: userId }, allowedSchema);
  return isFailure(counted) ? counted : null;
}

/**
 * Limits the calls of PayPal's verification for bodies that PayPal did not send to 60 a minute, because anybody can post
 * such a body. A call is counted before it is made, and not counted any more when the body was genuine.
 */
export function limitVerification(
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
