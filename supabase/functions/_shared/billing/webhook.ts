import { bodyLimit, readText } from "../http/body.ts";
import { anybody, createEndpoint } from "../http/endpoint.ts";
import { type Failure, failure, isFailure } from "../http/failure.ts";
import { parseJson } from "../http/json.ts";
import type { Log } from "../http/log.ts";
import type { RpcClient } from "../supabase/rpc.ts";
import { processEvent } from "./delivery.ts";
import type { Provider, Providers } from "./provider.ts";
import { upstreamFailure } from "./upstream.ts";

/** What a webhook needs from outside. */
export interface WebhookDependencies {
  /** Acts as the service role, the only role that may write billing. */
  service: RpcClient;
  /** Null where it is not set up. */
  provider: Provider | null;
  /** Names the variables to set where `provider` is null. */
  missing: string;
  providers: Providers;
  /**
   * Whether the provider sent a body, or a failure where a limit of calls is used up. The provider's `verify` by default.
   */
  verify?: (body: string, headers: Headers) => Promise<boolean | Failure>;
  log?: Log | undefined;
}

/**
 * Makes the handler of a webhook. A body is not parsed before it is verified. An event that is not used is answered with
 * 200 like any other, because providers disable an endpoint that returns errors.
 */
export function createWebhook(
  name: string,
  dependencies: WebhookDependencies,
): (request: Request) => Promise<Response> {
  const { service, provider, providers, missing, log } = dependencies;
  return createEndpoint({
    name,
    methods: ["POST"],
    allowedOrigins: null,
    log,
    caller: anybody,
    body: ({ request }) => readText(request, bodyLimit.webhook),
    handle: async ({ request, body, note }) => {
      if (provider === null) return failure("not_configured", `Set ${missing}.`);
      const verify = dependencies.verify ?? provider.verify;
      let verified: boolean | Failure;
      try {
        verified = await verify(body, request.headers);
      } catch (error) {
        return upstreamFailure(provider, error);
      }
      if (isFailure(verified)) return verified;
      if (!verified) {
        return failure(
          "invalid_signature",
          `This is not a recent event of ${provider.title}. Check the secret or id of the webhook.`,
        );
      }

      const event = provider.parse(parseJson(body));
      // A verified body that is not an event is answered with 200, because a retry would not change it.
      if (event === null) return { received: true, status: "ignored" };
      note({ event_id: event.id, type: event.type });

      const status = await processEvent(service, provider, providers, event);
      if (isFailure(status)) return status;
      note({ outcome: status });
      return { received: true, status };
    },
  });
}
