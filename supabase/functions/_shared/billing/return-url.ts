import type { AllowedOrigins } from "../http/cors.ts";
import { type Failure, failure } from "../http/failure.ts";

/**
 * Parses and normalizes the URL of a page to which a provider sends the user back. Only pages of an allowed origin are
 * accepted, because otherwise a link to a checkout could lead to any site.
 *
 * @param argument the field's name, for the error
 */
export function parseReturnUrl(
  text: string,
  argument: string,
  isAllowed: AllowedOrigins,
): string | Failure {
  const url = URL.canParse(text) ? new URL(text) : null;
  // The protocol is checked separately, because the origin of a blob: URL is that of the page that made it.
  const isPage = url !== null && /^https?:$/.test(url.protocol) && !url.username && !url.password;
  if (!isPage || !isAllowed(url.origin)) {
    const message = `The ${argument} must be an http or https page of an origin that ALLOWED_ORIGINS names. Correct it, or add its origin to that variable.`;
    return failure("invalid_argument", message, {
      facts: { argument, variable: "ALLOWED_ORIGINS" },
    });
  }
  // Stripe replaces this placeholder only with its braces unescaped, and URL escapes them in a path.
  return url.href.replaceAll("%7BCHECKOUT_SESSION_ID%7D", "{CHECKOUT_SESSION_ID}");
}
