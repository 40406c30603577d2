import { z } from "zod";
import { paypalPlanSchema, paypalSubscriptionSchema } from "./paypal-objects.ts";
import { paypalSnapshot } from "./paypal-snapshot.ts";
import type { Snapshot } from "./snapshot.ts";

/** What a function that speaks to PayPal reads from its environment. */
export const paypalEnvironmentSchema = z.object({
  /** Without both nothing is asked of PayPal. */
  PAYPAL_CLIENT_ID: z.string().optional(),
  PAYPAL_CLIENT_SECRET: z.string().optional(),
  /** Of the webhook that is registered at PayPal. */
  PAYPAL_WEBHOOK_ID: z.string().optional(),
  /** Where PayPal is: its sandbox is https://api-m.sandbox.paypal.com. */
  PAYPAL_API_BASE: z.url().default("https://api-m.paypal.com"),
});

type Settings = z.output<typeof paypalEnvironmentSchema>;

/** PayPal, as far as it is used here. Each function throws where PayPal does not answer, or not as documented. */
export interface Paypal {
  /** Whether money is real: only at PayPal's own address. */
  livemode: boolean;
  /** Null where there is none, or one that we did not create. */
  subscription(id: string): Promise<Snapshot | null>;
  /** Asks PayPal whether it sent this body. */
  isSentByPaypal(body: string, headers: Headers): Promise<boolean>;
  /** The same attempt gives the same subscription. */
  createSubscription(request: PaypalSubscriptionRequest): Promise<{ id: string; url: string }>;
  /** Ends a subscription; one that has ended already is no error. */
  cancelSubscription(id: string): Promise<void>;
}

/** A subscription to be approved by its user. */
export interface PaypalSubscriptionRequest {
  attempt: string;
  planId: string;
  userId: string;
  returnUrl: string;
  cancelUrl: string;
}

/** Longer than PayPal takes; whoever waits longer is better told to try again. */
const timeout = 10_000;

const tokenSchema = z.object({ access_token: z.string(), expires_in: z.number() });

const createdSchema = z.object({
  id: z.string(),
  links: z.array(z.object({ rel: z.string(), href: z.string() })),
});

/** PayPal said no. */
class PaypalError extends Error {
  override readonly name = "PaypalError";

  constructor(readonly status: number) {
    super(`PayPal answered ${status}.`);
  }
}

/**
 * A client of PayPal's REST API, or null where it is not set up.
 *
 * @see https://developer.paypal.com/docs/api/subscriptions/v1/
 */
export function createPaypal(settings: Settings, now: () => number = Date.now): Paypal | null {
  const { PAYPAL_CLIENT_ID: clientId, PAYPAL_CLIENT_SECRET: secret } = settings;
  if (!clientId || !secret) return null;
  const base = settings.PAYPAL_API_BASE.replace(/\/$/, "");
  const livemode = new URL(base).hostname === "api-m.paypal.com";
  let kept: { token: string; until: number } | null = null;

  async function token(): Promise<string> {
    if (kept !== null && now() < kept.until) return kept.token;
    const response = await fetch(`${base}/v1/oauth2/token`, {
      method: "POST",
      headers: {
        authorization: `Basic ${btoa(`${clientId}:${secret}`)}`,
        "content-type": "application/x-www-form-urlencoded",
      },
      body: "grant_type=client_credentials",
      signal: AbortSignal.timeout(timeout),
    });
    if (!response.ok) throw new PaypalError(response.status);
    const { access_token, expires_in } = tokenSchema.parse(await response.json());
    kept = { token: access_token, until: now() + (expires_in - 60) * 1000 };
    return access_token;
  }

  async function ask(path: string, body?: string, headers: Record<string, string> = {}) {
    const response = await fetch(`${base}${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        authorization: `Bearer ${await token()}`,
        "content-type": "application/json",
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.timeout(timeout),
    });
    if (response.status === 401) kept = null;
    if (!response.ok) throw new PaypalError(response.status);
    const text = await response.text();
    return text === "" ? null : (JSON.parse(text) as unknown);
  }

  return {
    livemode,

    async subscription(id) {
      const path = `/v1/billing/subscriptions/${encodeURIComponent(id)}`;
      const found = await orNull(() => ask(path));
      if (found === null) return null;
      const subscription = paypalSubscriptionSchema.parse(found);
      const planPath = `/v1/billing/plans/${encodeURIComponent(subscription.plan_id)}`;
      const plan = paypalPlanSchema.parse(await ask(planPath));
      return paypalSnapshot(subscription, plan, { livemode, now: now() });
    },

    async isSentByPaypal(body, headers) {
      // A second value behind the first would become a field of the question that is asked.
      if (!isJson(body) || !settings.PAYPAL_WEBHOOK_ID) return false;
      const fields = {
        auth_algo: headers.get("paypal-auth-algo"),
        cert_url: headers.get("paypal-cert-url"),
        transmission_id: headers.get("paypal-transmission-id"),
        transmission_sig: headers.get("paypal-transmission-sig"),
        transmission_time: headers.get("paypal-transmission-time"),
        webhook_id: settings.PAYPAL_WEBHOOK_ID,
      };
      if (Object.values(fields).includes(null)) return false;
      // The body goes as it came: written anew, its checksum would be another.
      const question = `${JSON.stringify(fields).slice(0, -1)},"webhook_event":${body}}`;
      const answerSchema = z.object({ verification_status: z.string() });
      try {
        const answer = await ask("/v1/notifications/verify-webhook-signature", question);
        return answerSchema.parse(answer).verification_status === "SUCCESS";
      } catch (error) {
        // What PayPal cannot even read it has not sent.
        if (error instanceof PaypalError && [400, 422].includes(error.status)) return false;
        throw error;
      }
    },

    async createSubscription({ attempt, planId, userId, returnUrl, cancelUrl }) {
      const request = {
        plan_id: planId,
        custom_id: userId,
        application_context: {
          return_url: returnUrl,
          cancel_url: cancelUrl,
          user_action: "SUBSCRIBE_NOW",
          shipping_preference: "NO_SHIPPING",
        },
      };
      const created = createdSchema.parse(
        await ask("/v1/billing/subscriptions", JSON.stringify(request), {
          "paypal-request-id": attempt,
        }),
      );
      const url = created.links.find(({ rel }) => rel === "approve")?.href;
      if (url === undefined) throw new Error("PayPal gave no page to approve at.");
      return { id: created.id, url };
    },

    async cancelSubscription(id) {
      const path = `/v1/billing/subscriptions/${encodeURIComponent(id)}/cancel`;
      try {
        await ask(path, JSON.stringify({ reason: "The account was deleted." }));
      } catch (error) {
        if (!(error instanceof PaypalError && [404, 422].includes(error.status))) throw error;
      }
    },
  };
}

/** Where PayPal's users manage what they pay for; null where PayPal is not set up. */
export function paypalManagementPage(settings: Settings): string | null {
  if (!settings.PAYPAL_CLIENT_ID || !settings.PAYPAL_CLIENT_SECRET) return null;
  const isLive = new URL(settings.PAYPAL_API_BASE).hostname === "api-m.paypal.com";
  return `https://www.${isLive ? "" : "sandbox."}paypal.com/myaccount/autopay/`;
}

async function orNull<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof PaypalError && error.status === 404) return null;
    throw error;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
