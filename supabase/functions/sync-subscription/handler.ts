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
import { syncSubscriptionRequestSchema } from "../_shared/http/schemas.ts";

/** What the sync-subscription function needs from outside. */
export interface SyncSubscriptionDependencies extends UserDependencies {
  providers: Providers;
  serviceKeys: readonly string[];
  /** Milliseconds since 1970. */
  now?: () => number;
}

/** Milliseconds that a call of the schedule reads: hosted ends a request after 150 s. */
const readingTime = 100_000;

/** Who or what is to be read. */
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
    // Null for the service role.
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

/** A user means themselves; the service role has to say. */
async function readTarget(request: Request, caller: Caller | null): Promise<Target | Failure> {
  const text = await readText(request, bodyLimit.other);
  if (isFailure(text)) return text;
  const { success, data } = syncSubscriptionRequestSchema.safeParse(parseJson(text));
  const fields = success ? Object.keys(data).sort().join() : null;
  if (caller !== null && fields === "") return { userId: caller.userId };
  if (caller === null && data?.user_id && fields === "user_id") {
    return { userId: data.user_id };
  }
  if (caller === null && data?.since && data.user_id === undefined) {
    return { since: new Date(data.since), after: data.after };
  }
  const message = caller
    ? "A user sends no field: the token says who is meant."
    : "Say who is meant by user_id, or since when everything is to be read.";
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
