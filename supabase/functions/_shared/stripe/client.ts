import Stripe from "stripe";
import { z } from "zod";

/** What a function that speaks to Stripe reads from its environment. */
export const stripeEnvironmentSchema = z.object({
  /** Without it there are no payments by Stripe, and its webhook is not configured. */
  STRIPE_SECRET_KEY: z.string().optional(),
  /** Where Stripe is; a test has its own. */
  STRIPE_API_BASE: z.url().default("https://api.stripe.com"),
});

/** Stripe's client, or null without a key. Requests are tried three times in all, which idempotency keys make safe. */
export function createStripe(environment: z.output<typeof stripeEnvironmentSchema>): Stripe | null {
  if (!environment.STRIPE_SECRET_KEY) return null;
  const { protocol, hostname, port } = new URL(environment.STRIPE_API_BASE);
  const isSecure = protocol === "https:";
  return new Stripe(environment.STRIPE_SECRET_KEY, {
    // Deno has no `node:http` that keeps connections; fetch works the same here and on hosted.
    httpClient: Stripe.createFetchHttpClient(),
    protocol: isSecure ? "https" : "http",
    host: hostname,
    port: port || (isSecure ? 443 : 80),
    timeout: 5_000,
    maxNetworkRetries: 2,
    telemetry: false,
  });
}

/** Whether a secret or restricted key is of the live mode: its prefix says so. */
export function isLiveKey(secretKey: string): boolean {
  return /^[a-z]+_live_/.test(secretKey);
}

/** Whether Stripe says that there is no such object. */
export function isMissingAtStripe(
  error: unknown,
): error is InstanceType<typeof Stripe.errors.StripeInvalidRequestError> {
  return (
    error instanceof Stripe.errors.StripeInvalidRequestError && error.code === "resource_missing"
  );
}

/** Whether Stripe says that an object of this id is there already. */
export function isTakenAtStripe(error: unknown): boolean {
  return (
    error instanceof Stripe.errors.StripeInvalidRequestError &&
    error.code === "resource_already_exists"
  );
}
