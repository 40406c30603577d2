import { z } from "zod";
import type { Client } from "../_shared/clients.ts";
import { type Failure, internalFailure, isFailure } from "../_shared/failure.ts";
import { callRpc } from "../_shared/rpc.ts";
import { type Subscription, subscriptionSchema } from "./subscriptions.ts";

/** What has to be known of an account before it goes. */
export interface Account {
  email: string;
  /** Those that have not ended. */
  subscriptions: Subscription[];
}

/** The accounts, as the service role sees them. */
export interface Accounts {
  /** Null for a user without an account. */
  find(userId: string): Promise<Account | null | Failure>;
  /** Deletes the auth user and every row. */
  remove(userId: string): Promise<true | Failure>;
}

const rowSchema = z.object({ email: z.string(), subscriptions: z.array(subscriptionSchema) });

/** Accounts by the Data API. */
export function createAccounts(service: Client): Accounts {
  return {
    async find(userId) {
      const { data, error } = await service
        .from("users")
        .select("email, subscriptions(provider, provider_subscription_id, status, cancel_at)")
        .eq("id", userId)
        .is("subscriptions.ended_at", null)
        .maybeSingle();
      if (error) return internalFailure(error.code || "no_answer");
      return data === null ? null : rowSchema.parse(data);
    },
    async remove(userId) {
      const deletedSchema = z.object({ deleted: z.boolean() });
      const result = await callRpc(service, "delete_user", { user_id: userId }, deletedSchema);
      // Already gone is gone: an earlier request got this far.
      return isFailure(result) ? result : true;
    },
  };
}
