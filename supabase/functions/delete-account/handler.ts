import { z } from "zod";
import { type UserDependencies, userWithSecondFactor } from "../_shared/auth/caller.ts";
import { type BillingAccount, readBillingAccount } from "../_shared/billing/account.ts";
import { runOpenTasks } from "../_shared/billing/apply-read.ts";
import type { Provider, Providers } from "../_shared/billing/provider.ts";
import { applyClosedSession, syncUser } from "../_shared/billing/sync.ts";
import { upstreamFailure } from "../_shared/billing/upstream.ts";
import { createEndpoint } from "../_shared/http/endpoint.ts";
import { type Failure, failure, isFailure } from "../_shared/http/failure.ts";
import { deleteAccountRequestSchema } from "../_shared/http/schemas.ts";
import { callRpc, type RpcClient } from "../_shared/supabase/rpc.ts";
import type { Files } from "./files.ts";

/** What the delete-account function needs from outside. */
export interface DeleteAccountDependencies extends UserDependencies {
  providers: Providers;
  files: Files;
}

/**
 * Deletes the user's files, rows and auth user. A step that fails leaves the account in place, and the same request can be sent
 * again. The rows are deleted last, because the other steps need what they hold.
 *
 * Errors: `email_required`, `mfa_required`, `active_subscription` (one that will renew), `confirmation_mismatch`.
 */
export function createHandler(
  dependencies: DeleteAccountDependencies,
): (request: Request) => Promise<Response> {
  const { auth, service, allowedOrigins, log, providers, files } = dependencies;
  return createEndpoint({
    name: "delete-account",
    methods: ["POST"],
    allowedOrigins,
    log,
    caller: userWithSecondFactor(auth, service),
    body: deleteAccountRequestSchema,
    handle: async ({ caller: { userId }, body, note }) => {
      const known = await readBillingAccount(service, userId);
      if (isFailure(known)) return known;
      if (known.email === null) {
        return failure("email_required", "Add an email to your account first.");
      }
      if (body.confirm_email.toLowerCase() !== known.email.toLowerCase()) {
        return failure("confirmation_mismatch", "Type the email of your account to delete it.");
      }

      const ended = await endBilling(service, providers, userId, known);
      if (isFailure(ended)) return ended;
      const removed = await files.removeAll(userId);
      if (isFailure(removed)) return removed;
      note({ files: removed });

      const deletedSchema = z.object({ deleted: z.boolean() });
      const deleted = await callRpc(service, "delete_user", { user_id: userId }, deletedSchema);
      if (isFailure(deleted)) return deleted;
      // The deletion requests the end of a subscription that began in the meantime.
      await runOpenTasks(service, providers);
      // `deleted.deleted` is false where an earlier request has already deleted the rows.
      return { deleted: true };
    },
  });
}

/**
 * Ends everything that could charge a person who no longer has an account. The open checkout is closed, and the
 * providers are read so that a subscription whose webhook was lost is found.
 */
async function endBilling(
  service: RpcClient,
  providers: Providers,
  userId: string,
  known: BillingAccount,
): Promise<true | Failure> {
  const { checkout } = known;
  const provider = checkout && providers[checkout.provider];
  if (checkout && provider) {
    const { session_id: id } = checkout;
    const closed = await atProvider(provider, async () =>
      applyClosedSession(service, providers, userId, id, await provider.close(id)),
    );
    if (isFailure(closed)) return closed;
  }
  const synced = await syncUser(service, providers, userId, known);
  if (isFailure(synced)) return synced;

  const account = await readBillingAccount(service, userId);
  if (isFailure(account)) return account;
  const own = account.subscriptions.filter(({ provider }) => provider !== "manual");
  const renewing = own.find(({ is_running, cancel_at }) => is_running && cancel_at === null);
  if (renewing) {
    return failure(
      "active_subscription",
      "Cancel your subscription first, then delete the account.",
      { facts: { provider: renewing.provider } },
    );
  }
  for (const { provider: name, id } of subscriptionsToCancel(account)) {
    const provider = providers[name];
    const cancelled = provider && (await atProvider(provider, () => provider.cancel(id)));
    if (isFailure(cancelled)) return cancelled;
  }
  return true;
}

/** The subscriptions that are scheduled to end, were never paid, or can still be approved. */
function subscriptionsToCancel({ subscriptions, paypal_subscriptions }: BillingAccount) {
  const started = subscriptions.flatMap(
    ({ provider, provider_subscription_id: id, is_running, status }) =>
      provider !== "manual" && id !== null && (is_running || status === "incomplete")
        ? [{ provider, id }]
        : [],
  );
  const approvals = paypal_subscriptions
    .filter(({ id, is_over }) => !is_over && !started.some((one) => one.id === id))
    .map(({ id }) => ({ provider: "paypal" as const, id }));
  return [...started, ...approvals];
}

async function atProvider<T>(provider: Provider, work: () => Promise<T>): Promise<T | Failure> {
  try {
    return await work();
  } catch (error) {
    return upstreamFailure(provider, error);
  }
}
