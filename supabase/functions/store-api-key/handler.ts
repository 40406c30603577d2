import { z } from "zod";
import { bodyLimit, readJson } from "../_shared/body.ts";
import { type ClaimsReader, identifyCaller } from "../_shared/caller.ts";
import type { AllowedOrigins } from "../_shared/cors.ts";
import { createEndpoint } from "../_shared/endpoint.ts";
import { failure, isFailure } from "../_shared/failure.ts";
import {
  type LlmProvider,
  llmProviderSchema,
  providerUrl,
  refusedAddress,
} from "../_shared/llm-provider.ts";
import type { Log } from "../_shared/log.ts";
import type { Refusal } from "../_shared/public-address.ts";
import { callRpc, type RpcClient } from "../_shared/rpc.ts";
import { storeApiKeyRequestSchema } from "../_shared/schemas.ts";
import { askProvider, type Verdict } from "./ask-provider.ts";

/** What the store-api-key function needs from outside. */
export interface StoreApiKeyDependencies {
  auth: ClaimsReader;
  /** Acts as the service role, the only one that may mark a key as verified. */
  service: RpcClient;
  checkAddress(url: URL): Promise<Refusal>;
  fetch: typeof globalThis.fetch;
  /** Milliseconds that a provider may take. */
  providerTime?: number;
  allowedOrigins: AllowedOrigins;
  log?: Log;
}

const beginSchema = z.object({ ok: z.literal(true), provider: llmProviderSchema });
const storedSchema = z.object({ provider: z.string(), key_hint: z.string() });

/**
 * Makes the handler of `POST /store-api-key`: asks the provider whether it accepts the key, and stores it unless the
 * provider refuses it. The try is counted before the provider is asked, so that nobody tries keys in bulk here.
 */
export function createHandler(
  dependencies: StoreApiKeyDependencies,
): (request: Request) => Promise<Response> {
  const { auth, service, checkAddress, fetch, providerTime = 10_000 } = dependencies;
  return createEndpoint({
    name: "store-api-key",
    methods: ["POST"],
    allowedOrigins: dependencies.allowedOrigins,
    log: dependencies.log,
    handle: async ({ request, requestId, note }) => {
      const caller = await identifyCaller(request, auth);
      if (isFailure(caller)) return caller;
      note({ user_id: caller.userId });

      const body = await readJson(request, storeApiKeyRequestSchema, bodyLimit.other);
      if (isFailure(body)) return body;

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
          `${provider.name} does not accept this key. Check it, or create a new one there.`,
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
      return isFailure(stored) ? stored : Response.json({ ...stored, verified });
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
