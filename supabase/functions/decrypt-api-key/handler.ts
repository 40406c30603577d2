import { bodyLimit, readJson } from "../_shared/body.ts";
import { type ClaimsReader, identifyCaller, requireSecondFactor } from "../_shared/caller.ts";
import type { AllowedOrigins } from "../_shared/cors.ts";
import { createEndpoint } from "../_shared/endpoint.ts";
import { isFailure } from "../_shared/failure.ts";
import type { Log } from "../_shared/log.ts";
import { callRpc, type RpcClient } from "../_shared/rpc.ts";
import { decryptApiKeyRequestSchema, decryptApiKeyResponseSchema } from "../_shared/schemas.ts";

/** What the decrypt-api-key function needs from outside. */
export interface DecryptApiKeyDependencies {
  auth: ClaimsReader;
  /** Acts as the service role, the only one that may read a key. */
  service: RpcClient;
  allowedOrigins: AllowedOrigins;
  log?: Log;
}

/**
 * Makes the handler of `POST /decrypt-api-key`: gives the owner of a stored key that key, and nobody else
 * anything. Whose key is read is decided by the token alone; the request has no field for it.
 */
export function createHandler(
  dependencies: DecryptApiKeyDependencies,
): (request: Request) => Promise<Response> {
  return createEndpoint({
    name: "decrypt-api-key",
    methods: ["POST"],
    allowedOrigins: dependencies.allowedOrigins,
    log: dependencies.log,
    handle: async ({ request, requestId, note }) => {
      const caller = await identifyCaller(request, dependencies.auth);
      if (isFailure(caller)) return caller;
      note({ user_id: caller.userId });
      const confirmed = await requireSecondFactor(caller, dependencies.service);
      if (isFailure(confirmed)) return confirmed;

      const body = await readJson(request, decryptApiKeyRequestSchema, bodyLimit.other);
      if (isFailure(body)) return body;

      const key = await callRpc(
        dependencies.service,
        "get_decrypted_api_key",
        { user_id: caller.userId, provider: body.provider, request_id: requestId },
        decryptApiKeyResponseSchema,
      );
      return isFailure(key) ? key : Response.json(key);
    },
  });
}
