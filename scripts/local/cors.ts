/** Every header of an answer that supabase-js or an app reads; a browser hides all others from the page. */
const exposed = [
  ...["content-encoding", "content-location", "content-range", "location", "range-unit"],
  ...["link", "x-total-count", "x-supabase-api-version", "preference-applied"],
  ...["x-request-id", "retry-after"],
].join(", ");

const everyMethod = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/**
 * The answer to a browser's question whether it may send a request: yes, with the method and the headers that
 * it asks for. What may be done is decided by the request itself, and by no preflight.
 */
export function preflight(request: Request): Response {
  const asked = (name: string) => request.headers.get(`access-control-request-${name}`);
  const headers = new Headers({
    "access-control-allow-methods": asked("method") ?? everyMethod,
    // Chrome keeps it for two hours at most.
    "access-control-max-age": "7200",
  });
  const names = asked("headers");
  if (names !== null) headers.set("access-control-allow-headers", names);
  return withCors(request, new Response(null, { status: 204, headers }));
}

/** Lets the page that asked read the answer and its headers. */
export function withCors(request: Request, response: Response): Response {
  const headers = new Headers(response.headers);
  headers.set("access-control-allow-origin", request.headers.get("origin") ?? "*");
  headers.append("vary", "origin");
  headers.set("access-control-expose-headers", exposed);
  // A header that belongs to preflights alone, which Auth and the Data API also put on their answers.
  if (request.method !== "OPTIONS") headers.delete("access-control-allow-headers");
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}
