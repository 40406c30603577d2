/*
 * The headers that are not forwarded. In a request these are the caller's session, a browser's cookies and what the
 * gateway of hosted Supabase adds, such as the caller's address. In an answer these are the provider's cookies and the
 * headers about its connection or its host.
 */

/** Headers that apply to one connection only: RFC 9110, section 7.6.1. */
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

/** The headers in which providers' clients send their key, which here is the user's access token. */
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
  // fetch decompresses the body, and a key that the provider quotes is replaced in it.
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
  // These identify the operator where the operator's key was used.
  "openai-organization",
  "openai-project",
  "anthropic-organization-id",
]);
const notToClientPrefixes = ["access-control-", "cf-", "x-supabase-", "sb-"];

/** The headers of a request to the provider, without any that contains the access token. The key is not yet among them. */
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
  // A compressed stream could be buffered on the way.
  headers.set("accept-encoding", "identity");
  return headers;
}

/** The headers of an answer to the client, without any that contains the key. */
export function toClient(answer: Headers, key: string): Headers {
  const headers = new Headers();
  const named = namedByConnection(answer);
  for (const [name, value] of answer) {
    if (notToClient.has(name) || named.has(name) || value.includes(key)) continue;
    if (notToClientPrefixes.some((prefix) => name.startsWith(prefix))) continue;
    headers.append(name, value);
  }
  // A server on the way that compresses a stream buffers it.
  headers.set("cache-control", "no-store, no-transform");
  return headers;
}

function namedByConnection(headers: Headers): Set<string> {
  const names = (headers.get("connection") ?? "").split(",");
  return new Set(names.map((name) => name.trim().toLowerCase()));
}
