import { type UserDependencies, userWithSecondFactor } from "../_shared/auth/caller.ts";
import { createEndpoint } from "../_shared/http/endpoint.ts";
import {
  decryptApiKeyRequestSchema,
  decryptApiKeyResponseSchema,
} from "../_shared/http/schemas.ts";
import { callRpc } from "../_shared/supabase/rpc.ts";

/**
 * Returns a stored key to its owner, for a server that acts for the user. A page uses `llm-proxy`, which never reveals the key.
 * The token alone decides whose key is read. Every call is counted, 60 a minute for each user, and audited.
 *
 * Errors: `email_required`, `mfa_required`, `api_key_not_found`, `user_not_found`, `invalid_argument`, `decryption_failed`,
 * `secret_not_configured`.
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
