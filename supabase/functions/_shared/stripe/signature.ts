import Stripe from "stripe";

/** Seconds of age that a signature may have. Stripe signs each retry of a delivery anew. */
const maximumAge = 300;

/** Seconds by which a signature may lie in the future, because clocks differ. Stripe's library has no such limit. */
const maximumLead = 60;

/**
 * Whether a body was signed with one of the secrets, of which there are two while one replaces the other. The body is
 * not parsed.
 *
 * @param body the unchanged body
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
  if (header === null || !(signedAt <= now / 1000 + maximumLead)) return false;
  const crypto = Stripe.createSubtleCryptoProvider();
  const { signature } = Stripe.webhooks;
  for (const secret of secrets) {
    try {
      if (await signature?.verifyHeaderAsync(body, header, secret, maximumAge, crypto, now))
        return true;
    } catch {
      // Not signed with this secret: try the next.
    }
  }
  return false;
}

/**
 * The time of a signature. Of several fields `t` the last one counts, as in Stripe's library, because the time that is
 * checked here must be the time that was signed.
 */
function timeOf(header: string): number {
  const fields = header.split(",").map((field) => field.split("="));
  return Number.parseInt(fields.findLast(([name]) => name === "t")?.[1] ?? "", 10);
}

/** Parses `STRIPE_WEBHOOK_SECRET`: one secret, or several separated by commas. */
export function parseWebhookSecrets(list: string): string[] {
  return list
    .split(",")
    .map((secret) => secret.trim())
    .filter((secret) => secret !== "");
}
