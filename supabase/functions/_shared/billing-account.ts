import { z } from "zod";
import type { Failure } from "./failure.ts";
import { callRpc, type RpcClient } from "./rpc.ts";
import { syncSubscriptionResponseSchema } from "./schemas.ts";

const provider = z.enum(["stripe", "paypal", "manual"]);

const billingAccountSchema = z.object({
  /** Null for a user without an account. */
  account: syncSubscriptionResponseSchema.shape.account.nullable(),
  checkout: z.object({ provider, session_id: z.string() }).nullable(),
  customers: z.object({ stripe: z.string().optional(), paypal: z.string().optional() }),
  subscriptions: z.array(
    z.object({
      provider,
      provider_subscription_id: z.string().nullable(),
      status: z.string(),
      cancel_at: z.string().nullable(),
    }),
  ),
});

/** What is known of a user's billing. */
export type BillingAccount = z.output<typeof billingAccountSchema>;

/** Reads what is known of a user's billing. */
export async function readBillingAccount(
  service: RpcClient,
  userId: string,
): Promise<BillingAccount | Failure> {
  return await callRpc(service, "billing_of", { user_id: userId }, billingAccountSchema);
}

/** Whether a subscription takes money, or will again. */
export function isRunning({ status }: { status: string }): boolean {
  return ["trialing", "active", "past_due", "unpaid", "paused"].includes(status);
}
