/*
 * Which headers pass. A request carries the caller's session, a browser's cookies and what hosted's gateway adds, such as
 * the caller's address; an answer carries the provider's cookies and what concerns its connection or its host.
 */

/** Of one connection: RFC 9110, section 7.6.1. */
const hopByHop = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** Where providers' clients put their key, which here is the user's session. */
export const sessionHeaders = ["x-api-key", "x-goog-api-key", "api-key"];

const notToProvider = new Set([
  ...hopByHop,
  ...sessionHeaders,
  "authorization",
  "apikey",
  "cookie",
  "host",
  "content-length",
  "accept-encoding",
  "expect",
  "origin",
  "referer",
  "forwarded",
  "via",
  "cdn-loop",
  "true-client-ip",
  "x-client-info",
  "x-client-ip",
  "x-real-ip",
  "x-region",
  "x-request-id",
  "x-retry-count",
  "traceparent",
  "tracestate",
  "baggage",
]);
const notToProviderPrefixes = [
  "x-forwarded-",
  "x-supabase-",
  "sb-",
  "cf-",
  "sec-",
  "x-envoy-",
  "x-amz",
];

const notToClient = new Set([
  ...hopByHop,
  "set-cookie",
  "set-cookie2",
  // The body arrives unpacked, and may lose a key that the provider quotes.
  "content-encoding",
  "content-length",
  "location",
  "refresh",
  "clear-site-data",
  "strict-transport-security",
  "alt-svc",
  "nel",
  "report-to",
  "reporting-endpoints",
  "www-authenticate",
  "vary",
  "server",
  "via",
  // The operator's, where the operator's key was used.
  "openai-organization",
  "openai-project",
  "anthropic-organization-id",
]);
const notToClientPrefixes = ["access-control-", "cf-", "x-supabase-", "sb-"];

/** The headers of a request for the provider, without any that holds the session. The key is not there yet. */
export function toProvider(
  request: Headers,
  extra: Readonly<Record<string, string>>,
  session: string,
): Headers {
  const headers = new Headers(extra);
  const named = namedByConnection(request);
  for (const [name, value] of request) {
    if (notToProvider.has(name) || named.has(name) || value.includes(session)) continue;
    if (notToProviderPrefixes.some((prefix) => name.startsWith(prefix))) continue;
    headers.set(name, value);
  }
  // Packed parts of a stream could be held back on the way.
  headers.set("accept-encoding", "identity");
  return headers;
}

/** The headers of an answer for the client, without any that holds the key. */
export function toClient(answer: Headers, key: string): Headers {
  const headers = new Headers();
  const named = namedByConnection(answer);
  for (const [name, value] of answer) {
    if (notToClient.has(name) || named.has(name) || value.includes(key)) continue;
    if (notToClientPrefixes.some((prefix) => name.startsWith(prefix))) continue;
    headers.append(name, value);
  }
  // A server on the way that packs a stream holds its parts back.
  headers.set("cache-control", "no-store, no-transform");
  return headers;
}

function namedByConnection(headers: Headers): Set<string> {
  const names = (headers.get("connection") ?? "").split(",");
  return new Set(names.map((name) => name.trim().toLowerCase()));
}
