/** Whether browser pages of an origin may read the answer. */
export type AllowedOrigins = (origin: string) => boolean;

const entryForm = /^(https?):\/\/([a-z0-9*.-]+|\[[0-9a-f:]+\])(:\d{1,5}|:\*)?$/;
const thisMachine = /^https?:\/\/(localhost|127\.0\.0\.1)$/;

/**
 * Parses `ALLOWED_ORIGINS`: origins separated by commas. One label of a host may contain one `*`, which stands for
 * letters, digits and hyphens, never for a dot: `https://app-*.vercel.app`. The last two labels must not contain it,
 * because it would match domains that anybody can register. `http://localhost:*` and `http://127.0.0.1:*` match every
 * port of the machine on which the browser runs; no other host may have `*` as its port.
 *
 * @throws Error naming the first entry that is not an origin
 */
export function parseAllowedOrigins(list: string): AllowedOrigins {
  const patterns = list
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "")
    .map(toPattern);
  return (origin) => patterns.some((pattern) => pattern.test(origin));
}

function toPattern(entry: string): RegExp {
  const [, , host = "", port] = entryForm.exec(entry) ?? [];
  const [origin = ""] = entry.split(":*");
  if (port === ":*" && thisMachine.test(origin)) {
    return new RegExp(`^${origin.replaceAll(".", "\\.")}(:\\d{1,5})?$`);
  }
  const labels = host.split(".");
  const stars = host.split("*").length - 1;
  const star = labels.findIndex((label) => label.includes("*"));
  if (
    host === "" ||
    port === ":*" ||
    labels.includes("") ||
    stars > 1 ||
    (stars === 1 && star > labels.length - 3)
  ) {
    throw new Error(
      `ALLOWED_ORIGINS: "${entry}" is not an origin such as https://example.com or https://app-*.example.com`,
    );
  }
  const source = entry.replace(/[.[\]]/g, "\\$&").replace("*", "[a-z0-9-]+");
  return new RegExp(`^${source}$`);
}

// The headers that supabase-js sends, those of retries and tracing included.
const requestHeaders = [
  "authorization",
  "x-client-info",
  "apikey",
  "content-type",
  "x-region",
  "x-retry-count",
  "traceparent",
  "tracestate",
  "baggage",
].join(", ");

/**
 * The answer to a preflight request: 204 for an allowed origin, 403 for any other. With `anyHeader` every header that
 * the preflight request names is allowed.
 */
export function preflightResponse(
  request: Request,
  methods: readonly string[],
  isAllowed: AllowedOrigins,
  anyHeader = false,
): Response {
  const allowed = isAllowed(request.headers.get("origin") ?? "");
  const response = new Response(null, { status: allowed ? 204 : 403 });
  allowOrigin(request, response.headers, isAllowed);
  if (allowed) {
    response.headers.set("access-control-allow-methods", methods.join(", "));
    const requested = anyHeader ? request.headers.get("access-control-request-headers") : null;
    response.headers.set("access-control-allow-headers", requested ?? requestHeaders);
    // Two hours are the most that Chrome accepts.
    response.headers.set("access-control-max-age", "7200");
  }
  return response;
}

/** Sets the headers that let the requesting page read the answer, if its origin is allowed. */
export function allowOrigin(request: Request, headers: Headers, isAllowed: AllowedOrigins): void {
  headers.append("vary", "origin");
  const origin = request.headers.get("origin");
  if (origin === null || !isAllowed(origin)) return;
  headers.set("access-control-allow-origin", origin);
  headers.set("access-control-expose-headers", "x-request-id, retry-after");
}
