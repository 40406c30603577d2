import type { AllowedOrigins } from "./cors.ts";
import { type Failure, failure } from "./failure.ts";

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
  const isPage = url !== null && url.username === "" && url.password === "";
  if (!isPage || !isAllowed(url.origin)) {
    return failure("invalid_argument", `The ${argument} must be a page of an allowed origin.`, {
      facts: { argument },
    });
  }
  // Stripe fills this in; its braces are escaped in a path.
  return url.href.replaceAll("%7BCHECKOUT_SESSION_ID%7D", "{CHECKOUT_SESSION_ID}");
}
