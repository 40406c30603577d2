import { z } from "zod";
import type { AllowedOrigins } from "../http/cors.ts";
import type { Context } from "../http/endpoint.ts";
import { type Failure, failure, isFailure } from "../http/failure.ts";
import type { Log } from "../http/log.ts";
import { callRpc, type RpcClient } from "../supabase/rpc.ts";
import { bearerToken } from "./service-key.ts";

/** What a function for users needs from outside. */
export interface UserDependencies {
  auth: ClaimsReader;
  /** Acts as the service role. */
  service: RpcClient;
  allowedOrigins: AllowedOrigins;
  log?: Log | undefined;
}

/** The signed-in user who sent a request. */
export interface Caller {
  userId: string;
  /** The email in the token; null where the user has none. */
  email: string | null;
  /** The access token. */
  token: string;
  /** Whether the session was opened with a second factor. */
  hasSecondFactor: boolean;
}

/** The part of supabase-js that verifies a token and reads its claims. */
export interface ClaimsReader {
  getClaims(
    token: string,
  ): Promise<{ data: { claims: unknown } | null; error: { status?: number | undefined } | null }>;
}

// Tokens of users have the role authenticated. The anon key and the service key are tokens with other roles.
const claimsSchema = z.object({
  sub: z.uuid(),
  role: z.literal("authenticated"),
  email: z.string().min(1).nullish().catch(null),
  // The OAuth client that the token was issued to. A user's own session has no such claim.
  client_id: z.unknown().optional(),
  // Authenticator assurance level: aal2 once a second factor was confirmed.
  aal: z.string().nullish().catch(null),
});

/**
 * Identifies the user who sent a request, by the token in its Authorization header. `getClaims` checks the signature
 * with the project's public keys, or calls Auth where the project signs with a shared secret. A token that was issued
 * to an OAuth client is refused with `client_not_trusted`, because no scope limits what a function does with it.
 */
export async function identifyCaller(
  request: Request,
  auth: ClaimsReader,
): Promise<Caller | Failure> {
  const token = bearerToken(request);
  if (token === null) return notAuthenticated();
  let answer: Awaited<ReturnType<ClaimsReader["getClaims"]>>;
  try {
    answer = await auth.getClaims(token);
  } catch {
    // getClaims throws where a token is malformed or uses an unknown algorithm.
    return notAuthenticated();
  }
  const { data, error } = answer;
  if (error && (error.status === undefined || error.status === 0 || error.status >= 500)) {
    return failure("upstream_error", "The access token cannot be verified now. Try again later.", {
      cause: "auth",
    });
  }
  const claims = claimsSchema.safeParse(data?.claims);
  if (error || !claims.success) return notAuthenticated();
  const { sub, email, client_id: clientId, aal } = claims.data;
  if (clientId !== undefined && clientId !== null && clientId !== "") {
    return failure(
      "client_not_trusted",
      "This session belongs to an OAuth client that may not do this: sign in to the app itself.",
    );
  }
  return { userId: sub, email: email ?? null, token, hasSecondFactor: aal === "aal2" };
}

/**
 * Refuses with `mfa_required` a session that was opened without the second factor that its user has, because the
 * password alone must not give access to keys or delete the account. The database is queried only for a session
 * without a second factor.
 */
export async function requireSecondFactor(
  caller: Caller,
  service: RpcClient,
): Promise<true | Failure> {
  if (caller.hasSecondFactor) return true;
  const hasFactor = await callRpc(
    service,
    "has_second_factor",
    { user_id: caller.userId },
    z.boolean(),
  );
  if (isFailure(hasFactor)) return hasFactor;
  return hasFactor
    ? failure(
        "mfa_required",
        "Confirm your second factor first: this session was opened without it.",
      )
    : true;
}

/**
 * The caller check of an endpoint for users. It adds the user's id to the log line.
 *
 * @param read moves a token that stands in another header to the Authorization header
 */
export function user(
  auth: ClaimsReader,
  read: (request: Request) => Request = (request) => request,
): (context: Context) => Promise<Caller | Failure> {
  return async ({ request, note }) => {
    const caller = await identifyCaller(read(request), auth);
    if (!isFailure(caller)) note({ user_id: caller.userId });
    return caller;
  };
}

/** The caller check of an endpoint that requires the second factor of a user who has one. */
export function userWithSecondFactor(
  auth: ClaimsReader,
  service: RpcClient,
): (context: Context) => Promise<Caller | Failure> {
  const identify = user(auth);
  return async (context) => {
    const caller = await identify(context);
    if (isFailure(caller)) return caller;
    const confirmed = await requireSecondFactor(caller, service);
    return isFailure(confirmed) ? confirmed : caller;
  };
}

function notAuthenticated(): Failure {
  return failure("not_authenticated", "Sign in and send the session's access token.");
}
