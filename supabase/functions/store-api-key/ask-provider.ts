import { type LlmProvider, providerUrl, setKey, withSlash } from "../_shared/llm/provider.ts";

/** What a provider says of a key; unknown where it does not answer, or not about the key. */
export type Verdict = "accepted" | "refused" | "unknown";

/** Characters of an answer that are read for its reason. */
const reasonLength = 4_096;

/**
 * Asks a provider by the cheapest request of its API whether it accepts a key. The request has no fault of its own, so
 * 400 means the key as well: Google and xAI answer that to a key which they do not know. A key that is good
 * and may only not list models is told by OpenAI with 403 and the missing scope.
 *
 * @throws what fetch throws where nobody answers in time
 */
export async function askProvider(
  provider: LlmProvider,
  key: string,
  fetch: typeof globalThis.fetch,
  signal: AbortSignal,
): Promise<Verdict> {
  if (provider.check_path === null) return "unknown";
  const headers = new Headers(provider.extra_headers);
  setKey(headers, provider, key);
  const url = providerUrl(provider, withSlash(provider.check_path));
  const response = await fetch(url, { headers, redirect: "manual", signal });
  if (response.status === 403) {
    const reason = (await response.text()).slice(0, reasonLength);
    return /missing scopes|insufficient permissions/i.test(reason) ? "unknown" : "refused";
  }
  await response.body?.cancel();
  if (response.ok) return "accepted";
  return [400, 401].includes(response.status) ? "refused" : "unknown";
}
