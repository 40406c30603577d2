import type { AllowedOrigins } from "../http/cors.ts";
import { type Failure, failure } from "../http/failure.ts";

/**
 * Gives a URL that a provider may send the user back to, as every browser reads it. Only pages of the app will do,
 * or a link to a checkout could end anywhere.
 *
 * @param argument the field's name, for the refusal
 */
export function parseReturnUrl(
  text: string,
  argument: string,
  isAllowed: AllowedOrigins,
): string | Failure {
  const url = URL.canParse(text) ? new URL(text) : null;
  // The origin of a blob: URL is that of the page which made it, so the protocol is checked by itself.
  const isPage = url !== null && /^https?:$/.test(url.protocol) && !url.username && !url.password;
  if (!isPage || !isAllowed(url.origin)) {
    const message = `The ${argument} must be an http or https page of an origin that ALLOWED_ORIGINS names. Correct it, or add its origin to that variable.`;
    return failure("invalid_argument", message, {
      facts: { argument, variable: "ALLOWED_ORIGINS" },
    });
  }
  // Stripe fills this in; its braces are escaped in a path.
  return url.href.replaceAll("%7BCHECKOUT_SESSION_ID%7D", "{CHECKOUT_SESSION_ID}");
}
