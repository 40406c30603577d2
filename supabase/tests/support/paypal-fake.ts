import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** A subscription as PayPal keeps it. */
export type PaypalObject = Record<string, unknown> & { id: string };

/** A PayPal of one's own: a subscription, its plan, and deliveries that it remembers having sent. */
export interface PaypalFake {
  /** What PAYPAL_API_BASE is to be. */
  url: string;
  webhookId: string;
  subscriptions: Map<string, PaypalObject>;
  plans: Map<string, object>;
  /** How often a route was asked, by `METHOD /path`. */
  asked: string[];
  /** A delivery with the headers that PayPal's have. */
  deliver(url: string, type: string, resource: object, id?: string): Request;
  close(): Promise<void>;
}

/** Starts the fake on a free port of this machine. */
export async function startPaypalFake(): Promise<PaypalFake> {
  const webhookId = `WH-${randomUUID()}`;
  const subscriptions = new Map<string, PaypalObject>();
  const plans = new Map<string, object>();
  const requested = new Map<string, PaypalObject>();
  const sent = new Map<string, string>();
  const asked: string[] = [];
  const token = randomUUID();

  const server = createServer(async (request, response) => {
    const { method = "", url = "" } = request;
    const body = await text(request);
    asked.push(`${method} ${url}`);
    const answer = (status: number, value: object) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(status === 204 ? "" : JSON.stringify(value));
    };
    if (url === "/v1/oauth2/token") {
      const isKnown = request.headers.authorization === `Basic ${btoa("paypal-id:paypal-secret")}`;
      return isKnown
        ? answer(200, { access_token: token, expires_in: 32_400 })
        : answer(401, { error: "invalid_client" });
    }
    if (request.headers.authorization !== `Bearer ${token}`) {
      return answer(401, { error: "invalid_token" });
    }
    if (url === "/v1/notifications/verify-webhook-signature") {
      const question = JSON.parse(body);
      // The signature covers the body's bytes: written anew they would be others.
      const raw = /"webhook_event":([\s\S]*)\}$/.exec(body)?.[1];
      const isOurs =
        question.webhook_id === webhookId && sent.get(question.transmission_id) === raw;
      return answer(200, { verification_status: isOurs ? "SUCCESS" : "FAILURE" });
    }
    if (method === "POST" && url === "/v1/billing/subscriptions") {
      const key = String(request.headers["paypal-request-id"]);
      const given = JSON.parse(body);
      const id = requested.get(key)?.id ?? `I-${randomUUID().slice(0, 12).toUpperCase()}`;
      const subscription = subscriptions.get(id) ?? {
        id,
        status: "APPROVAL_PENDING",
        plan_id: given.plan_id,
        custom_id: given.custom_id,
      };
      requested.set(key, subscription);
      subscriptions.set(id, subscription);
      const links = [{ rel: "approve", href: `https://www.paypal.test/approve/${id}` }];
      return answer(201, { ...subscription, links });
    }
    const [, kind, id = "", action] =
      /^\/v1\/billing\/(subscriptions|plans)\/([^/]+)(?:\/(cancel))?$/.exec(url) ?? [];
    const found = kind === "plans" ? plans.get(id) : subscriptions.get(id);
    if (!found) return answer(404, { name: "RESOURCE_NOT_FOUND" });
    if (action === "cancel") {
      if ("status" in found && found.status === "CANCELLED") {
        return answer(422, { name: "UNPROCESSABLE_ENTITY" });
      }
      Object.assign(found, { status: "CANCELLED" });
      return answer(204, {});
    }
    return answer(200, found);
  });

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    webhookId,
    subscriptions,
    plans,
    asked,
    deliver(url, type, resource, id = `WH-EVENT-${randomUUID()}`) {
      const create_time = new Date().toISOString();
      // PayPal's own spacing, which nobody may change.
      const body = JSON.stringify({ id, event_type: type, create_time, resource }, null, 1);
      const transmission = randomUUID();
      sent.set(transmission, body);
      return new Request(url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "paypal-auth-algo": "SHA256withRSA",
          "paypal-cert-url": "https://api.paypal.com/cert",
          "paypal-transmission-id": transmission,
          "paypal-transmission-sig": "signature",
          "paypal-transmission-time": create_time,
        },
        body,
      });
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
