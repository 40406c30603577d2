import { applyRead } from "../_shared/apply-read.ts";
import { endCheckout } from "../_shared/begin-checkout.ts";
import { type BillingAccount, readBillingAccount } from "../_shared/billing-account.ts";
import { bodyLimit, readText } from "../_shared/body.ts";
import { type ClaimsReader, identifyCaller, isServiceRequest } from "../_shared/caller.ts";
import type { AllowedOrigins } from "../_shared/cors.ts";
import { createEndpoint } from "../_shared/endpoint.ts";
import { type Failure, failure, isFailure } from "../_shared/failure.ts";
import type { Log } from "../_shared/log.ts";
import type { RpcClient } from "../_shared/rpc.ts";
import { syncSubscriptionRequestSchema } from "../_shared/schemas.ts";
import type { Snapshot } from "../_shared/snapshot.ts";
import { upstreamFailure } from "../_shared/webhook-delivery.ts";

/** Reads a provider for one user. Both throw where it does not answer. */
export interface SyncedProvider {
  name: "stripe" | "paypal";
  /** Every subscription that the provider knows of this user. */
  subscriptions(billing: BillingAccount): Promise<Snapshot[]>;
  /** What has become of an open checkout: paid for, come to nothing, null for unpaid, "open" for neither. */
  checkout(sessionId: string): Promise<boolean | null | "open">;
}

/** What the sync-subscription function needs from outside. */
export interface SyncSubscriptionDependencies {
  auth: ClaimsReader;
  /** Acts as the service role. */
  service: RpcClient;
  /** Those that are set up. */
  providers: readonly SyncedProvider[];
  serviceKeys: readonly string[];
  allowedOrigins: AllowedOrigins;
  log?: Log;
}

/**
 * Makes the handler of `POST /sync-subscription`: reads what the providers say of a user now, and answers the
 * account that follows. A success page calls it, which may be there before the webhook; so does support.
 */
export function createHandler(
  dependencies: SyncSubscriptionDependencies,
): (request: Request) => Promise<Response> {
  const { service, providers } = dependencies;
  return createEndpoint({
    name: "sync-subscription",
    methods: ["POST"],
    allowedOrigins: dependencies.allowedOrigins,
    log: dependencies.log,
    handle: async ({ request, note }) => {
      const userId = await whoIsMeant(request, dependencies);
      if (isFailure(userId)) return userId;
      note({ user_id: userId });

      const before = await readBillingAccount(service, userId);
      if (isFailure(before)) return before;
      if (before.account === null) return failure("user_not_found", "No account has this id.");
      for (const provider of providers) {
        const synced = await sync(service, provider, userId, before);
        if (isFailure(synced)) return synced;
      }

      const after = await readBillingAccount(service, userId);
      return isFailure(after) ? after : Response.json({ account: after.account });
    },
  });
}

async function sync(
  service: RpcClient,
  provider: SyncedProvider,
  userId: string,
  billing: BillingAccount,
): Promise<true | Failure> {
  try {
    const { checkout } = billing;
    if (checkout?.provider === provider.name) {
      const outcome = await provider.checkout(checkout.session_id);
      if (outcome !== "open") await endCheckout(service, userId, checkout.session_id, outcome);
    }
    return await applyRead(service, () => provider.subscriptions(billing));
  } catch (error) {
    return upstreamFailure(provider.name, error);
  }
}

/** A user means themselves; the service role has to say. */
async function whoIsMeant(
  request: Request,
  { auth, serviceKeys }: SyncSubscriptionDependencies,
): Promise<string | Failure> {
  const isService = await isServiceRequest(request, serviceKeys);
  const caller = isService ? null : await identifyCaller(request, auth);
  if (isFailure(caller)) return caller;

  const text = await readText(request, bodyLimit.other);
  if (isFailure(text)) return text;
  const body = syncSubscriptionRequestSchema.safeParse(parseJson(text));
  const userId = body.success ? body.data.user_id : null;
  if (caller !== null && userId === undefined) return caller.userId;
  if (caller === null && userId) return userId;
  const message = caller
    ? "A user sends no field: the token says who is meant."
    : "Say who is meant by user_id.";
  return failure("invalid_body", message, { facts: { field: "user_id" } });
}

/** No body at all is an empty one. */
function parseJson(text: string): unknown {
  try {
    return text.trim() === "" ? {} : JSON.parse(text);
  } catch {
    return null;
  }
}
