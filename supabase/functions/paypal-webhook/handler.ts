import { bodyLimit, readText } from "../_shared/body.ts";
import { createEndpoint } from "../_shared/endpoint.ts";
import { failure, isFailure } from "../_shared/failure.ts";
import type { Log } from "../_shared/log.ts";
import type { Paypal } from "../_shared/paypal.ts";
import { paypalDelivery } from "../_shared/paypal-delivery.ts";
import type { RpcClient } from "../_shared/rpc.ts";
import { takeDelivery, upstreamFailure } from "../_shared/webhook-delivery.ts";

/** What the paypal-webhook function needs from outside. */
export interface PaypalWebhookDependencies {
  /** Acts as the service role, the only one that may write billing. */
  service: RpcClient;
  /** Null where PayPal, or the id of its webhook, is not set up. */
  paypal: Paypal | null;
  log?: Log;
}

/** Makes the handler of `POST /paypal-webhook`. PayPal is asked whether it sent the event, and then what is so. */
export function createHandler(
  dependencies: PaypalWebhookDependencies,
): (request: Request) => Promise<Response> {
  const { service, paypal } = dependencies;
  return createEndpoint({
    name: "paypal-webhook",
    methods: ["POST"],
    allowedOrigins: null,
    log: dependencies.log,
    handle: async ({ request, note }) => {
      if (paypal === null) {
        return failure(
          "not_configured",
          "Set PAYPAL_CLIENT_ID, PAYPAL_CLIENT_SECRET and PAYPAL_WEBHOOK_ID.",
        );
      }
      const body = await readText(request, bodyLimit.webhook);
      if (isFailure(body)) return body;
      try {
        if (!(await paypal.isSentByPaypal(body, request.headers))) {
          return failure(
            "invalid_signature",
            "PayPal did not send this: check the webhook's id and the headers.",
          );
        }
      } catch (error) {
        return upstreamFailure("paypal", error);
      }

      const delivery = paypalDelivery(JSON.parse(body), paypal);
      if (delivery === null) return Response.json({ received: true, status: "ignored" });
      note({ event_id: delivery.eventId, type: delivery.type });

      const status = await takeDelivery(service, delivery);
      if (isFailure(status)) return status;
      note({ outcome: status });
      return Response.json({ received: true, status });
    },
  });
}
