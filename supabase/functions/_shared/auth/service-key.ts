import { encodeHex } from "../std/encoding/hex.ts";

/**
 * Whether a request carries a key of the service role, as an app's own server or an operator sends it. Digests are
 * compared, so that the time of the comparison reveals nothing about the key.
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

/** The token in the Authorization header of a request; null where there is none. */
export function bearerToken(request: Request): string | null {
  return /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1] ?? null;
}

async function digest(text: string): Promise<string> {
  return encodeHex(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
