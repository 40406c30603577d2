import { type Failure, failure } from "../_shared/http/failure.ts";
import { type LlmProvider, providerUrl, withSlash } from "../_shared/llm/provider.ts";

/** What a request asks for: the text after the function's name, taken apart and not yet compared with any provider. */
export interface Target {
  provider: string;
  /** Begins with a slash. */
  path: string;
  /** Begins with a question mark, or is empty. */
  query: string;
}

// Read from the text itself: URL would resolve what must be refused. Hosted cuts /functions/v1 off.
const urlForm =
  /^https?:\/\/[^/]+(?:\/functions\/v1)?\/llm-proxy\/([\w-]{2,32})(?=[/?#]|$)([^?#]*)(\?[^#]*)?$/;

// No percent sign, so that nothing can be encoded; no @, backslash or empty segment.
const pathForm = /^(\/[A-Za-z0-9_.~:,=+!$&'()*;-]+)+$/;

/** Characters that a query may have: a page token of a list is long, a prompt does not belong there. */
const queryLimit = 2_048;

/** Query parameters that carry credentials: Google's and our gateway's. Ours are in headers. */
const credentialParameters = new Set(["key", "apikey", "api_key", "access_token"]);

/** Takes the URL of a request apart, or says what in it is not allowed. */
export function readTarget(url: string): Target | Failure {
  const [, provider = "", path = "", query = ""] = urlForm.exec(url) ?? [];
  if (provider === "") {
    return failure("llm_provider_not_found", "Name a provider: llm-proxy/<provider>/<path>.");
  }
  const hasDotSegment = path.split("/").some((segment) => /^\.+$/.test(segment));
  if (!pathForm.test(path) || hasDotSegment) {
    return failure(
      "invalid_argument",
      "The path must be one of the provider's own, without .., //, @ or encoded characters.",
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

/** The URL at the provider, if its row opens this path. */
export function targetUrl(provider: LlmProvider, { path, query }: Target): URL | Failure {
  const open = provider.path_prefixes.some((prefix) => isBelow(path, prefix));
  if (!open) {
    return failure(
      "invalid_argument",
      `${provider.name} is not open at this path. See the facts.`,
      {
        facts: { argument: "path", open: provider.path_prefixes },
      },
    );
  }
  const url = providerUrl(provider, `${path}${query}`);
  // The form of the path ensures it; a host that is not the provider's must never get a key.
  return url.origin === new URL(provider.base_url).origin ? url : notThere();
}

/**
 * Whether the operator's key serves a request: whatever generates, and the cheap request that checks a key. Other GET
 * requests can list what other users left at the provider.
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

function notThere(): Failure {
  return failure("invalid_argument", "The path leads away from the provider.", {
    facts: { argument: "path" },
  });
}
