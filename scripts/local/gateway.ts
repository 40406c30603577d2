import { containsNul } from "../../supabase/functions/_shared/http/body.ts";
import type { Api } from "./api.ts";
import type { Config } from "./config.ts";
import { preflight, withCors } from "./cors.ts";
import { absentFrom } from "./not-here.ts";
import { verifyToken } from "./tokens.ts";

/** The parts behind the gateway, and its settings. */
export interface GatewayOptions {
  api: Pick<Api, "rest" | "auth">;
  /** The address of the edge functions. */
  functionsUrl: string;
  functions: Config["functions"];
  /** Answers with the mails that Auth would have sent. */
  mails(request: Request): Response;
  /** Whether the pages of an origin may call the functions. */
  isAllowedOrigin(origin: string): boolean;
  keys: GatewayKeys;
}

/** The API keys of the stack, and the tokens that replace them. */
export interface GatewayKeys {
  publishable: string;
  secret: string;
  anonToken: string;
  serviceToken: string;
  jwtSecret: string;
}

/** Routes to which a link or a provider sends a browser. Such a request carries no key. */
const keyless = /^\/auth\/v1\/(callback|authorize|verify|\.well-known\/.*)$/;

/** The query parameters that PostgREST reads itself. Every other parameter is a filter. */
const notFilters = new Set([
  "select",
  "columns",
  "order",
  "limit",
  "offset",
  "on_conflict",
  "apikey",
]);

/**
 * Makes the handler of the only port of the API, as on hosted. It answers preflights, checks the API key, replaces it by
 * its token and passes the request on. A request for a part that this stack lacks is refused with a sentence.
 */
export function createGateway(options: GatewayOptions): (request: Request) => Promise<Response> {
  return async (request) => {
    const { pathname, hostname } = new URL(request.url);
    if (pathname === "/mails") {
      // A mail may hold a link that signs in. Other pages must not read it, even by another name of this machine.
      const isOwn = hostname === "127.0.0.1" || hostname === "localhost";
      return isOwn ? options.mails(request) : new Response(null, { status: 403 });
    }
    const isForFunction = pathname.startsWith("/functions/v1/");
    if (request.method === "OPTIONS") {
      const isRefused =
        isForFunction && !options.isAllowedOrigin(request.headers.get("origin") ?? "");
      return isRefused ? new Response(null, { status: 403 }) : preflight(request);
    }
    // A function sets the headers of CORS itself, as on hosted.
    if (isForFunction) return toFunction(request, options);
    return withCors(request, await answer(request, options));
  };
}

async function answer(request: Request, options: GatewayOptions): Promise<Response> {
  const { pathname } = new URL(request.url);
  const absent = await absentFrom(pathname, request);
  if (absent) return absent;

  const service = /^\/(rest|auth)\/v1(\/|$)/.exec(pathname)?.[1];
  if (service !== "rest" && service !== "auth") {
    return Response.json({ error: "requested path is invalid" }, { status: 404 });
  }
  if (keyless.test(pathname)) return options.api[service](request);

  const admitted = admit(request, options.keys);
  if (admitted instanceof Response) return admitted;
  const refusal = service === "rest" ? refuseWithoutFilter(admitted) : await refuseNul(admitted);
  return refusal ?? options.api[service](admitted);
}

/** Checks the API key, and adds the token of its role where the request has no token of a user. */
function admit(request: Request, keys: GatewayKeys): Request | Response {
  const url = new URL(request.url);
  const key = request.headers.get("apikey") ?? url.searchParams.get("apikey");
  if (!key) {
    return Response.json(
      {
        message: "No API key found in request",
        hint: "No `apikey` request header or url param was found.",
      },
      { status: 401 },
    );
  }
  const role = tokenFor(key, keys);
  if (!role) {
    return Response.json(
      { message: "Invalid API key", hint: "Double check your Supabase API key." },
      { status: 401 },
    );
  }
  if (key === keys.secret && /^\s*Mozilla\//.test(request.headers.get("user-agent") ?? "")) {
    return Response.json(
      { message: "Forbidden use of secret API key in browser" },
      { status: 401 },
    );
  }
  const headers = new Headers(request.headers);
  const bearer = bearerOf(headers);
  if (!bearer || bearer === key || bearer.startsWith("sb_")) {
    headers.set("authorization", `Bearer ${role}`);
  }
  url.searchParams.delete("apikey");
  return new Request(new Request(url, request), { headers });
}

function bearerOf(headers: Headers): string | undefined {
  return /^Bearer\s+(.+)$/i.exec(headers.get("authorization") ?? "")?.[1];
}

function tokenFor(key: string, keys: GatewayKeys): string | null {
  if (key === keys.publishable || key === keys.anonToken) return keys.anonToken;
  if (key === keys.secret || key === keys.serviceToken) return keys.serviceToken;
  return null;
}

/** Refuses the update or delete of a whole table, as hosted does by the extension pg-safeupdate. */
function refuseWithoutFilter(request: Request): Response | null {
  const statement = { PATCH: "UPDATE", DELETE: "DELETE" }[request.method];
  const filters = [...new URL(request.url).searchParams.keys()].filter(
    (key) => !notFilters.has(key),
  );
  if (!statement || filters.length > 0) return null;
  return Response.json(
    { code: "21000", details: null, hint: null, message: `${statement} requires a WHERE clause` },
    { status: 400 },
  );
}

/** Refuses U+0000, which Postgres cannot store: Auth would answer 500. */
async function refuseNul(request: Request): Promise<Response | null> {
  if (request.body === null || !containsNul(await request.clone().text())) return null;
  const msg = "The request holds the character U+0000. Remove it.";
  return Response.json({ code: 400, error_code: "bad_json", msg }, { status: 400 });
}

async function toFunction(request: Request, options: GatewayOptions): Promise<Response> {
  const url = new URL(request.url);
  const path = url.pathname.slice("/functions/v1/".length);
  const name = path.split("/")[0] ?? "";
  const settings = options.functions[name];
  const headers = new Headers(request.headers);

  // A key of the new style is not a token. Hosted replaces it by its token.
  const bearer = bearerOf(headers);
  const key = bearer ?? headers.get("apikey");
  const token = key ? (tokenFor(key, options.keys) ?? key) : null;
  if (token && token !== bearer) headers.set("authorization", `Bearer ${token}`);

  const unauthorized = (message: string) =>
    withCors(request, Response.json({ code: 401, message }, { status: 401 }));
  if (settings?.verify_jwt ?? true) {
    if (!token) return unauthorized("Missing authorization header");
    if (!verifyToken(token, options.keys.jwtSecret)) return unauthorized("Invalid JWT");
  }
  // These headers are about the connection to us, not the one to the functions.
  for (const hop of [
    "connection",
    "keep-alive",
    "transfer-encoding",
    "upgrade",
    "expect",
    "host",
  ]) {
    headers.delete(hop);
  }
  // fetch would decompress a compressed answer, and its headers would be wrong.
  headers.set("accept-encoding", "identity");
  headers.set("x-forwarded-host", url.host);
  headers.set("x-forwarded-proto", url.protocol.slice(0, -1));
  try {
    return await fetch(new URL(`/${path}${url.search}`, options.functionsUrl), {
      method: request.method,
      headers,
      body: request.body,
      redirect: "manual",
      signal: request.signal,
      ...(request.body ? { duplex: "half" } : {}),
    });
  } catch {
    const message = "The edge functions are not running.";
    return withCors(request, Response.json({ code: "BOOT_ERROR", message }, { status: 503 }));
  }
}
