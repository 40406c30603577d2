import { bodyLimit, readText } from "../_shared/body.ts";
import { createEndpoint } from "../_shared/endpoint.ts";
import { failure, isFailure } from "../_shared/failure.ts";
import type { Log } from "../_shared/log.ts";
import type { RpcClient } from "../_shared/rpc.ts";
import { stripeDelivery } from "../_shared/stripe-delivery.ts";
import type { StripeReader } from "../_shared/stripe-reader.ts";
import { isSignedByStripe } from "../_shared/stripe-signature.ts";
import { takeDelivery } from "../_shared/webhook-delivery.ts";

/** What the stripe-webhook function needs from outside. */
export interface StripeWebhookDependencies {
  /** Acts as the service role, the only one that may write billing. */
  service: RpcClient;
  /** Those that may have signed: more than one while one replaces another. */
  secrets: readonly string[];
  /** Null without a key. */
  reader: StripeReader | null;
  /** Milliseconds since 1970. */
  now?: () => number;
  log?: Log;
}

/**
 * Makes the handler of `POST /stripe-webhook`. Nothing of a body is parsed before its signature is verified; an
 * event that is not used is answered like any other, because Stripe switches off an endpoint that refuses.
 */
export function createHandler(
  dependencies: StripeWebhookDependencies,
): (request: Request) => Promise<Response> {
  const { service, secrets, reader, now = Date.now } = dependencies;
  return createEndpoint({
    name: "stripe-webhook",
    methods: ["POST"],
    allowedOrigins: null,
    log: dependencies.log,
    handle: async ({ request, note }) => {
      if (secrets.length === 0) {
        return failure("not_configured", "Set STRIPE_WEBHOOK_SECRET to the endpoint's secret.");
      }
      const body = await readText(request, bodyLimit.webhook);
      if (isFailure(body)) return body;
      const header = request.headers.get("stripe-signature");
      if (!(await isSignedByStripe(body, header, secrets, now()))) {
        return failure(
          "invalid_signature",
          "The signature is not Stripe's, or too old: check the endpoint's secret.",
        );
      }

      const json = parseJson(body);
      const delivery = stripeDelivery(json, reader);
      // Signed, and yet no event: sending it again would not make it one.
      if (delivery === null) return Response.json({ received: true, status: "ignored" });
      note({ event_id: delivery.eventId, type: delivery.type });

      const status = await takeDelivery(service, delivery);
      if (isFailure(status)) return status;
      note({ outcome: status });
      return Response.json({ received: true, status });
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
