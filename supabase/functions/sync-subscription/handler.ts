import { type Caller, type UserDependencies, user } from "../_shared/auth/caller.ts";
import { isServiceRequest } from "../_shared/auth/service-key.ts";
import { readBillingAccount } from "../_shared/billing/account.ts";
import { countBillingCall } from "../_shared/billing/limits.ts";
import type { Providers } from "../_shared/billing/provider.ts";
import { reconcile } from "../_shared/billing/reconcile.ts";
import { syncUser } from "../_shared/billing/sync.ts";
import { bodyLimit, readText } from "../_shared/http/body.ts";
import { createEndpoint } from "../_shared/http/endpoint.ts";
import { type Failure, failure, isFailure } from "../_shared/http/failure.ts";
import { parseJson } from "../_shared/http/json.ts";
import { syncSubscriptionRequestSchema } from "../_shared/http/schemas.ts";

/** What the sync-subscription function needs from outside. */
export interface SyncSubscriptionDependencies extends UserDependencies {
  providers: Providers;
  serviceKeys: readonly string[];
  /** Milliseconds since 1970. */
  now?: () => number;
}

/** Milliseconds for which a call of the schedule reads, because hosted Supabase ends a request after 150 s. */
const readingTime = 100_000;

/** What to read: everything of a user, or everything that changed since a time. */
type Target = { userId: string } | { since: Date; after: string | undefined };

/**
 * Reads the user's subscriptions from the providers, applies their present state and returns the account. The page after a
 * checkout calls it, because the webhook may arrive later. A server with the secret key names the user with `user_id`, or
 * with `since` has everything read again that changed since then, as the daily schedule does.
 *
 * Errors: `user_not_found`.
 */
export function createHandler(
  dependencies: SyncSubscriptionDependencies,
): (request: Request) => Promise<Response> {
  const { auth, service, allowedOrigins, log } = dependencies;
  const { providers, serviceKeys, now = Date.now } = dependencies;
  const identify = user(auth);
  return createEndpoint<Caller | null, Target>({
    name: "sync-subscription",
    methods: ["POST"],
    allowedOrigins,
    log,
    // The service role has no caller.
    caller: async (context) =>
      (await isServiceRequest(context.request, serviceKeys)) ? null : await identify(context),
    body: ({ request, caller }) => readTarget(request, caller),
    limit: async (caller) => caller && (await countBillingCall(service, caller.userId)),
    handle: async ({ body: target, note }) => {
      if ("since" in target) {
        const done = await reconcile(service, providers, { ...target, until: now() + readingTime });
        if (!isFailure(done)) note({ ...done });
        return done;
      }
      const { userId } = target;
      note({ user_id: userId });

      const before = await readBillingAccount(service, userId);
      if (isFailure(before)) return before;
      if (before.account === null) return failure("user_not_found", "No account has this id.");
      const parked = await syncUser(service, providers, userId, before);
      if (isFailure(parked)) return parked;
      note({ parked: parked.length });

      const after = await readBillingAccount(service, userId);
      return isFailure(after) ? after : { account: after.account, parked };
    },
  });
}

/** A user is the target of their own request; the service role names the target in the body. */
async function readTarget(request: Request, caller: Caller | null): Promise<Target | Failure> {
  const text = await readText(request, bodyLimit.other);
  if (isFailure(text)) return text;
  // An empty body is a body without fields.
  const json = parseJson(text.trim() || "{}");
  const { success, data } = syncSubscriptionRequestSchema.safeParse(json);
  const fields = success ? Object.keys(data).sort().join() : null;
  if (caller !== null && fields === "") return { userId: caller.userId };
  if (caller === null && data?.user_id && fields === "user_id") {
    return { userId: data.user_id };
  }
  if (caller === null && data?.since && data.user_id === undefined) {
    return { since: new Date(data.since), after: data.after };
  }
  const message = caller
    ? "Send no fields: the access token identifies the user."
    : "Send either user_id, or since for everything that changed after it.";
  return failure("invalid_body", message, { facts: { field: "user_id" } });
}
