import { z } from "zod";
import { type UserDependencies, user } from "../_shared/auth/caller.ts";
import { createEndpoint } from "../_shared/http/endpoint.ts";
import { failure, isFailure } from "../_shared/http/failure.ts";
import { storeApiKeyRequestSchema } from "../_shared/http/schemas.ts";
import {
  type LlmProvider,
  llmProviderSchema,
  providerUrl,
  refusedAddress,
} from "../_shared/llm/provider.ts";
import type { Refusal } from "../_shared/llm/public-address.ts";
import { callRpc } from "../_shared/supabase/rpc.ts";
import { askProvider, type Verdict } from "./ask-provider.ts";

/** What the store-api-key function needs from outside. */
export interface StoreApiKeyDependencies extends UserDependencies {
  checkAddress(url: URL): Promise<Refusal>;
  fetch: typeof globalThis.fetch;
  /** Milliseconds within which a provider must answer. */
  providerTime?: number;
}

const beginSchema = z.object({ ok: z.literal(true), provider: llmProviderSchema });
const storedSchema = z.object({ provider: z.string(), key_hint: z.string() });

/**
 * Asks the provider whether it accepts the key, and stores the key unless the provider refuses it. `verified` is false where
 * the provider did not answer. Every call is counted before the provider is asked, 30 in 10 minutes for each user, so that
 * nobody can test keys in bulk.
 *
 * Errors: `email_required`, `mfa_required`, `llm_provider_not_found`, `api_key_rejected`, `invalid_argument`,
 * `secret_not_configured`.
 */
export function createHandler(
  dependencies: StoreApiKeyDependencies,
): (request: Request) => Promise<Response> {
  const { auth, service, allowedOrigins, log } = dependencies;
  const { checkAddress, fetch, providerTime = 10_000 } = dependencies;
  return createEndpoint({
    name: "store-api-key",
    methods: ["POST"],
    allowedOrigins,
    log,
    caller: user(auth),
    body: storeApiKeyRequestSchema,
    handle: async ({ caller, body, requestId, note }) => {
      const begun = await callRpc(
        service,
        "begin_api_key_check",
        {
          user_id: caller.userId,
          provider: body.provider,
          has_second_factor: caller.hasSecondFactor,
        },
        beginSchema,
      );
      if (isFailure(begun)) return begun;
      const { provider } = begun;

      const refusal = await checkAddress(providerUrl(provider, ""));
      if (refusal !== null && refusal !== "not_resolved") return refusedAddress(provider, refusal);
      const verdict = refusal === null ? await ask(provider, body.api_key) : "unknown";
      note({ provider: provider.provider, verdict });
      if (verdict === "refused") {
        return failure(
          "api_key_rejected",
          `${provider.name} does not accept this key. Check it, or create a new key there.`,
          { facts: { provider: provider.provider } },
        );
      }

      const verified = verdict === "accepted";
      const stored = await callRpc(
        service,
        "store_checked_api_key",
        {
          user_id: caller.userId,
          provider: provider.provider,
          api_key: body.api_key,
          verified,
          request_id: requestId,
        },
        storedSchema,
      );
      return isFailure(stored) ? stored : { ...stored, verified };
    },
  });

  async function ask(provider: LlmProvider, key: string): Promise<Verdict> {
    try {
      return await askProvider(provider, key, fetch, AbortSignal.timeout(providerTime));
    } catch {
      return "unknown";
    }
  }
}
