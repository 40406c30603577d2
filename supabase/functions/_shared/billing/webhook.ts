import { bodyLimit, readText } from "../http/body.ts";
import { anybody, createEndpoint } from "../http/endpoint.ts";
import { type Failure, failure, isFailure } from "../http/failure.ts";
import type { Log } from "../http/log.ts";
import type { RpcClient } from "../supabase/rpc.ts";
import { takeEvent } from "./delivery.ts";
import type { Provider, Providers } from "./provider.ts";
import { upstreamFailure } from "./upstream.ts";

/** What a webhook needs from outside. */
export interface WebhookDependencies {
  /** Acts as the service role, the only one that may write billing. */
  service: RpcClient;
  /** Null where it is not set up; `missing` then says what to set. */
  provider: Provider | null;
  missing: string;
  providers: Providers;
  /**
   * Asks whether the provider sent a body, where that has a limit. It may refuse; the default is the provider's own
   * `verify`.
   */
  verify?: (body: string, headers: Headers) => Promise<boolean | Failure>;
  log?: Log | undefined;
}

/**
 * Makes the handler of a webhook. Nothing of a body is parsed before it is verified; an event that is not used is
 * answered like any other, because providers switch off an endpoint that refuses.
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
          `${provider.title} did not send this, or long ago: check the endpoint's secret or id.`,
        );
      }

      const event = provider.parse(parseJson(body));
      // Verified, and yet no event: sending it again would not make it one.
      if (event === null) return { received: true, status: "ignored" };
      note({ event_id: event.id, type: event.type });

      const status = await takeEvent(service, provider, providers, event);
      if (isFailure(status)) return status;
      note({ outcome: status });
      return { received: true, status };
    },
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
