import { z } from "zod";
import type { Failure } from "../http/failure.ts";
import { syncSubscriptionResponseSchema } from "../http/schemas.ts";
import { callRpc, type RpcClient } from "../supabase/rpc.ts";
import type { KnownCustomer } from "./provider.ts";
import type { ProviderName } from "./snapshot.ts";

const billingAccountSchema = z.object({
  /** Null for a user without an account. */
  account: syncSubscriptionResponseSchema.shape.account.nullable(),
  email: z.string().nullable(),
  checkout: z.object({ provider: z.enum(["stripe", "paypal"]), session_id: z.string() }).nullable(),
  customers: z.object({ stripe: z.string().optional() }),
  subscriptions: z.array(
    z.object({
      provider: z.enum(["stripe", "paypal", "manual"]),
      provider_subscription_id: z.string().nullable(),
      cancel_at: z.string().nullable(),
      /** Whether the provider charges for it, now or later. */
      is_running: z.boolean(),
      status: z.string(),
    }),
  ),
  /** Every subscription that create-paypal-subscription created for this user. */
  paypal_subscriptions: z.array(z.object({ id: z.string(), is_over: z.boolean() })),
});

/** What the database stores about a user's billing. */
export type BillingAccount = z.output<typeof billingAccountSchema>;

/** Reads a user's billing from the database. */
export async function readBillingAccount(
  service: RpcClient,
  userId: string,
): Promise<BillingAccount | Failure> {
  return await callRpc(service, "billing_of", { user_id: userId }, billingAccountSchema);
}

/** The user's ids at one provider. */
export function knownCustomer(billing: BillingAccount, provider: ProviderName): KnownCustomer {
  return {
    customerId: provider === "stripe" ? (billing.customers.stripe ?? null) : null,
    subscriptionIds:
      provider === "paypal"
        ? billing.paypal_subscriptions.filter(({ is_over }) => !is_over).map(({ id }) => id)
        : billing.subscriptions.flatMap((one) =>
            one.provider === provider && one.is_running && one.provider_subscription_id
              ? [one.provider_subscription_id]
              : [],
          ),
  };
}
