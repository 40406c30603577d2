import { z } from "zod";

/** The variables of a function that calls PayPal. */
export const paypalEnvironmentSchema = z.object({
  /** PayPal is not used unless this and the secret are set. */
  PAYPAL_CLIENT_ID: z.string().optional(),
  PAYPAL_CLIENT_SECRET: z.string().optional(),
  /** The id of the webhook that is registered at PayPal. */
  PAYPAL_WEBHOOK_ID: z.string().optional(),
  /** PayPal's address; its sandbox is https://api-m.sandbox.paypal.com. */
  PAYPAL_API_BASE: z.url().default("https://api-m.paypal.com"),
});

/** The parsed variables. */
export type PaypalSettings = z.output<typeof paypalEnvironmentSchema>;

/** PayPal's REST API. Its functions throw where PayPal does not answer, or answers with an error. */
export interface PaypalClient {
  /** Whether payments are real, which they are only at PayPal's production address. */
  livemode: boolean;
  get(path: string): Promise<unknown>;
  /** Sends a body without any change. */
  post(path: string, body: string, headers?: Record<string, string>): Promise<unknown>;
}

/** Milliseconds, longer than PayPal usually takes. */
const timeout = 10_000;

const tokenSchema = z.object({ access_token: z.string(), expires_in: z.number() });

/** An error that PayPal answered. */
export class PaypalError extends Error {
  override readonly name = "PaypalError";

  constructor(readonly status: number) {
    super(`PayPal answered ${status}.`);
  }
}

/** A client of PayPal's REST API, or null where the variables are not set. */
export function createPaypalClient(
  settings: PaypalSettings,
  now: () => number = Date.now,
): PaypalClient | null {
  const { PAYPAL_CLIENT_ID: clientId, PAYPAL_CLIENT_SECRET: secret } = settings;
  if (!clientId || !secret) return null;
  const base = settings.PAYPAL_API_BASE.replace(/\/$/, "");
  let cached: { token: string; until: number } | null = null;

  async function token(): Promise<string> {
    if (cached !== null && now() < cached.until) return cached.token;
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
    cached = { token: access_token, until: now() + (expires_in - 60) * 1000 };
    return access_token;
  }

  async function call(path: string, body?: string, headers: Record<string, string> = {}) {
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
    if (response.status === 401) cached = null;
    if (!response.ok) throw new PaypalError(response.status);
    const text = await response.text();
    return text === "" ? null : (JSON.parse(text) as unknown);
  }

  return {
    livemode: new URL(base).hostname === "api-m.paypal.com",
    get: (path) => call(path),
    post: call,
  };
}

/** Returns null where PayPal answers that an object does not exist. */
export async function nullIfMissing<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof PaypalError && error.status === 404) return null;
    throw error;
  }
}
