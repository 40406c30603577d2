import { type Failure, failure } from "../_shared/http/failure.ts";
import { type LlmProvider, providerUrl, withSlash } from "../_shared/llm/provider.ts";

/** The part of a request's URL after the function's name. It is parsed and not yet compared with the provider's row. */
export interface Target {
  provider: string;
  /** Begins with a slash. */
  path: string;
  /** Begins with a question mark, or is empty. */
  query: string;
}

// The URL is matched as text, because the class URL would resolve dot segments, which must be refused. Hosted Supabase
// removes /functions/v1.
const urlForm =
  /^https?:\/\/[^/]+(?:\/functions\/v1)?\/llm-proxy\/([\w-]{2,32})(?=[/?#]|$)([^?#]*)(\?[^#]*)?$/;

// Without a percent sign, so that no character can be encoded, and without @, backslash or empty segments.
const pathForm = /^(\/[A-Za-z0-9_.~:,=+!$&'()*;-]+)+$/;

/** The most characters of a query: enough for the page token of a list. */
const queryLimit = 2_048;

/** Query parameters that carry credentials, of Google and of our gateway. They are removed; credentials go in headers. */
const credentialParameters = new Set(["key", "apikey", "api_key", "access_token"]);

/** Parses the URL of a request, or returns the failure that names what is not allowed in it. */
export function readTarget(url: string): Target | Failure {
  const [, provider = "", path = "", query = ""] = urlForm.exec(url) ?? [];
  if (provider === "") {
    return failure("llm_provider_not_found", "Name a provider: llm-proxy/<provider>/<path>.");
  }
  const hasDotSegment = path.split("/").some((segment) => /^\.+$/.test(segment));
  if (!pathForm.test(path) || hasDotSegment) {
    return failure(
      "invalid_argument",
      "The path must not contain .., //, @ or encoded characters.",
      { facts: { argument: "path" } },
    );
  }
  if (query.length > queryLimit) {
    return failure(
      "invalid_argument",
      `The query is too long. Send at most ${queryLimit} characters.`,
      {
        facts: { argument: "query", maximum: queryLimit },
      },
    );
  }
  return { provider, path, query: withoutCredentials(query) };
}

/** The URL at the provider, if the provider's row allows the path. */
export function targetUrl(provider: LlmProvider, { path, query }: Target): URL | Failure {
  const isAllowed = provider.path_prefixes.some((prefix) => isBelow(path, prefix));
  if (!isAllowed) {
    return failure(
      "invalid_argument",
      `This path of ${provider.name} cannot be used. The facts list the paths that can.`,
      { facts: { argument: "path", open: provider.path_prefixes } },
    );
  }
  const url = providerUrl(provider, `${path}${query}`);
  // pathForm already prevents another host. This check stays because no other host may ever receive a key.
  if (url.origin === new URL(provider.base_url).origin) return url;
  return failure("invalid_argument", "The path leads to another host than the provider's.", {
    facts: { argument: "path" },
  });
}

/**
 * Whether a request can use the operator's key: every POST request, and the GET request that checks a key. Other GET
 * requests can list what other users have stored at the provider under the same key.
 */
export function isOpenToOperatorKey(
  provider: LlmProvider,
  method: string,
  { path }: Target,
): boolean {
  if (method === "POST") return true;
  const check = provider.check_path?.split("?")[0];
  return check !== undefined && isBelow(path, check);
}

function isBelow(path: string, prefix: string): boolean {
  const trimmed = withSlash(prefix).replace(/\/+$/, "");
  return path === trimmed || path.startsWith(`${trimmed}/`);
}

function withoutCredentials(query: string): string {
  const kept = query
    .slice(1)
    .split("&")
    .filter((pair) => pair !== "" && !credentialParameters.has(nameOf(pair)));
  return kept.length === 0 ? "" : `?${kept.join("&")}`;
}

function nameOf(pair: string): string {
  return ([...new URLSearchParams(pair).keys()][0] ?? "").toLowerCase();
}
