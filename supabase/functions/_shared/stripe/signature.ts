import Stripe from "stripe";

/** Seconds that a signature may be old. A delivery that is tried again is signed again. */
const oldest = 300;

/** Seconds that it may be ahead: clocks differ, and Stripe's own check lets any future pass. */
const furthest = 60;

/**
 * Whether a body was signed by one of the secrets, of which there are two while one replaces the other. Nothing of
 * the body is parsed.
 *
 * @param body the body as it came
 * @param header the `stripe-signature` header
 * @param now milliseconds since 1970
 * @see https://docs.stripe.com/webhooks/signature
 */
export async function isSignedByStripe(
  body: string,
  header: string | null,
  secrets: readonly string[],
  now: number,
): Promise<boolean> {
  const signedAt = timeOf(header ?? "");
  if (header === null || !(signedAt <= now / 1000 + furthest)) return false;
  const crypto = Stripe.createSubtleCryptoProvider();
  const { signature } = Stripe.webhooks;
  for (const secret of secrets) {
    try {
      if (await signature?.verifyHeaderAsync(body, header, secret, oldest, crypto, now))
        return true;
    } catch {
      // Not this one.
    }
  }
  return false;
}

/**
 * Gives the time of a header as Stripe's library reads it: of several fields `t`, the last one. The time that is
 * judged here must be the one that the signature was made over.
 */
function timeOf(header: string): number {
  const fields = header.split(",").map((field) => field.split("="));
  return Number.parseInt(fields.findLast(([name]) => name === "t")?.[1] ?? "", 10);
}

/** Reads `STRIPE_WEBHOOK_SECRET`: one secret, or several separated by commas. */
export function parseWebhookSecrets(list: string): string[] {
  return list
    .split(",")
    .map((secret) => secret.trim())
    .filter((secret) => secret !== "");
}
