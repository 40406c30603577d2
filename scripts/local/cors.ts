/** The headers of an answer that supabase-js or an app reads. A browser hides all others from the page. */
const exposed = [
  ...["content-encoding", "content-location", "content-range", "location", "range-unit"],
  ...["link", "x-total-count", "x-supabase-api-version", "preference-applied"],
  ...["x-request-id", "retry-after"],
].join(", ");

const everyMethod = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/**
 * Answers a preflight: every method and header that the browser asks for is allowed. What a caller may do is decided by
 * the request itself.
 */
export function preflight(request: Request): Response {
  const requested = (name: string) => request.headers.get(`access-control-request-${name}`);
  const headers = new Headers({
    "access-control-allow-methods": requested("method") ?? everyMethod,
    // Two hours, the longest time that Chrome accepts.
    "access-control-max-age": "7200",
  });
  const names = requested("headers");
  if (names !== null) headers.set("access-control-allow-headers", names);
  return withCors(request, new Response(null, { status: 204, headers }));
}

/** Allows the page that sent the request to read the answer and its headers. */
export function withCors(request: Request, response: Response): Response {
  const headers = new Headers(response.headers);
  headers.set("access-control-allow-origin", request.headers.get("origin") ?? "*");
  headers.append("vary", "origin");
  headers.set("access-control-expose-headers", exposed);
  // This header is for preflights only, but Auth and the Data API set it on all their answers.
  if (request.method !== "OPTIONS") headers.delete("access-control-allow-headers");
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}
