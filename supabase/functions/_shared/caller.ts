import { z } from "zod";
import { type Failure, failure } from "./failure.ts";

/** Somebody who is signed in. */
export interface Caller {
  userId: string;
  /** Of the token; null where the user has none. */
  email: string | null;
  /** The token itself, to act as its owner. */
  token: string;
}

/** The part of supabase-js that knows whose a token is. */
export interface ClaimsReader {
  getClaims(
    token: string,
  ): Promise<{ data: { claims: unknown } | null; error: { status?: number | undefined } | null }>;
}

// Auth's own users have this role. The anon key and the service key are tokens too, and no user's.
const claimsSchema = z.object({
  sub: z.uuid(),
  role: z.literal("authenticated"),
  email: z.string().min(1).nullish().catch(null),
});

/**
 * Tells who sent a request, by the token in its Authorization header: `getClaims` checks the signature, by the
 * project's public keys or, where it signs with a shared secret, by asking Auth.
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
    // It throws at a token that it cannot take apart or whose algorithm it does not know.
    return notAuthenticated();
  }
  const { data, error } = answer;
  if (error && (error.status === undefined || error.status === 0 || error.status >= 500)) {
    return failure("upstream_error", "Signing in cannot be checked now. Try again later.", {
      cause: "auth",
    });
  }
  const claims = claimsSchema.safeParse(data?.claims);
  if (error || !claims.success) return notAuthenticated();
  return { userId: claims.data.sub, email: claims.data.email ?? null, token };
}

/**
 * Whether a request carries a key of the service role: an app's own server, or an operator. Compared by digest,
 * so that the time it takes tells nothing about the key.
 */
export async function isServiceRequest(
  request: Request,
  serviceKeys: readonly string[],
): Promise<boolean> {
  const given = [bearerToken(request), request.headers.get("apikey")].filter((key) => key !== null);
  const digests = await Promise.all(given.map(digest));
  const expected = await Promise.all(serviceKeys.map(digest));
  return digests.some((one) => expected.includes(one));
}

function bearerToken(request: Request): string | null {
  return /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1] ?? null;
}

async function digest(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function notAuthenticated(): Failure {
  return failure("not_authenticated", "Sign in and send the session's access token.");
}
