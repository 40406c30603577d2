import { z } from "zod";

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

/** How to reach PayPal. */
export type PaypalSettings = z.output<typeof paypalEnvironmentSchema>;

/** PayPal's REST API. Each function throws where PayPal does not answer, or refuses. */
export interface PaypalClient {
  /** Whether money is real: only at PayPal's own address. */
  livemode: boolean;
  get(path: string): Promise<unknown>;
  /** Sends a body as it is: JSON that was written anew would have another checksum. */
  post(path: string, body: string, headers?: Record<string, string>): Promise<unknown>;
}

/** Longer than PayPal takes; whoever waits longer is better told to try again. */
const timeout = 10_000;

const tokenSchema = z.object({ access_token: z.string(), expires_in: z.number() });

/** PayPal said no. */
export class PaypalError extends Error {
  override readonly name = "PaypalError";

  constructor(readonly status: number) {
    super(`PayPal answered ${status}.`);
  }
}

/** A client of PayPal's REST API, or null where it is not set up. */
export function createPaypalClient(
  settings: PaypalSettings,
  now: () => number = Date.now,
): PaypalClient | null {
  const { PAYPAL_CLIENT_ID: clientId, PAYPAL_CLIENT_SECRET: secret } = settings;
  if (!clientId || !secret) return null;
  const base = settings.PAYPAL_API_BASE.replace(/\/$/, "");
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
    livemode: new URL(base).hostname === "api-m.paypal.com",
    get: (path) => ask(path),
    post: ask,
  };
}

/** Gives null for what PayPal does not have. */
export async function orNull<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof PaypalError && error.status === 404) return null;
    throw error;
  }
}
