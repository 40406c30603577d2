import Stripe from "stripe";
import { z } from "zod";

/** The variables of a function that calls Stripe. */
export const stripeEnvironmentSchema = z.object({
  /** Stripe is not used unless this is set. */
  STRIPE_SECRET_KEY: z.string().optional(),
  /** Stripe's address; tests set that of a stand-in. */
  STRIPE_API_BASE: z.url().default("https://api.stripe.com"),
});

/** A client of Stripe, or null without a key. It tries a request up to three times, which idempotency keys make safe. */
export function createStripe(environment: z.output<typeof stripeEnvironmentSchema>): Stripe | null {
  if (!environment.STRIPE_SECRET_KEY) return null;
  const { protocol, hostname, port } = new URL(environment.STRIPE_API_BASE);
  const isSecure = protocol === "https:";
  return new Stripe(environment.STRIPE_SECRET_KEY, {
    // Deno's `node:http` does not keep connections; fetch works the same locally and on hosted Supabase.
    httpClient: Stripe.createFetchHttpClient(),
    protocol: isSecure ? "https" : "http",
    host: hostname,
    port: port || (isSecure ? 443 : 80),
    timeout: 5_000,
    maxNetworkRetries: 2,
    telemetry: false,
  });
}

/** Whether a secret or restricted key is for the live mode, by its prefix. */
export function isLiveKey(secretKey: string): boolean {
  return /^[a-z]+_live_/.test(secretKey);
}

/** Whether Stripe answered that an object does not exist. */
export function isMissingAtStripe(
  error: unknown,
): error is InstanceType<typeof Stripe.errors.StripeInvalidRequestError> {
  return (
    error instanceof Stripe.errors.StripeInvalidRequestError && error.code === "resource_missing"
  );
}

/** Whether Stripe answered that an object with this id already exists. */
export function isTakenAtStripe(error: unknown): boolean {
  return (
    error instanceof Stripe.errors.StripeInvalidRequestError &&
    error.code === "resource_already_exists"
  );
}
