import { type LlmProvider, providerUrl, setKey, withSlash } from "../_shared/llm/provider.ts";

/** Whether a provider accepts a key; unknown where it does not answer, or its answer is not about the key. */
export type Verdict = "accepted" | "refused" | "unknown";

/** The most characters of an answer in which its reason is searched. */
const reasonLength = 4_096;

/**
 * Sends the cheapest request of a provider's API with a key, to find out whether the provider accepts it. The request
 * itself is correct, so status 400 is about the key: Google and xAI answer it to an unknown key. For a valid key that
 * may not list models, OpenAI answers 403 and names the missing scope.
 *
 * @throws what fetch throws where the provider does not answer in time
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
