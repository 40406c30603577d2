import { type UserDependencies, userWithSecondFactor } from "../_shared/auth/caller.ts";
import { createEndpoint } from "../_shared/http/endpoint.ts";
import {
  decryptApiKeyRequestSchema,
  decryptApiKeyResponseSchema,
} from "../_shared/http/schemas.ts";
import { callRpc } from "../_shared/supabase/rpc.ts";

/**
 * Makes the handler of `POST /decrypt-api-key`: gives the owner of a stored key that key, and nobody else
 * anything. Whose key is read is decided by the token alone; the request has no field for it.
 */
export function createHandler({
  auth,
  service,
  allowedOrigins,
  log,
}: UserDependencies): (request: Request) => Promise<Response> {
  return createEndpoint({
    name: "decrypt-api-key",
    methods: ["POST"],
    allowedOrigins,
    log,
    caller: userWithSecondFactor(auth, service),
    body: decryptApiKeyRequestSchema,
    handle: ({ caller, body, requestId }) =>
      callRpc(
        service,
        "get_decrypted_api_key",
        { user_id: caller.userId, provider: body.provider, request_id: requestId },
        decryptApiKeyResponseSchema,
      ),
  });
}
