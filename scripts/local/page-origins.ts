import {
  type AllowedOrigins,
  parseAllowedOrigins,
} from "../../supabase/functions/_shared/http/cors.ts";
import { UserError } from "../lib/user-error.ts";
import type { Config } from "./config.ts";

/** Every origin of a development server on this machine. */
const thisMachine = ["localhost", "127.0.0.1"].flatMap((host) => [
  `http://${host}:*`,
  `https://${host}:*`,
]);

/**
 * The origins of the pages that may call the edge functions by default: those of this machine, on every port, and those
 * to which Auth may send a browser. ALLOWED_ORIGINS replaces them.
 */
export function pageOrigins(auth: Config["auth"]): string {
  const origins = [auth.site_url, ...auth.additional_redirect_urls]
    .filter((url) => /^https?:/.test(url) && URL.canParse(url))
    .map((url) => new URL(url).origin)
    .filter((origin) => !origin.includes("*"));
  return [...new Set([...thisMachine, ...origins])].join(",");
}

/**
 * Reads ALLOWED_ORIGINS as the functions do.
 *
 * @throws UserError when an entry is not an origin
 */
export function readAllowedOrigins({
  ALLOWED_ORIGINS = "",
}: Record<string, string>): AllowedOrigins {
  try {
    return parseAllowedOrigins(ALLOWED_ORIGINS);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(
      `The variable cannot be used. ${reason}`,
      "Correct it in this terminal or in supabase/functions/.env, or remove it to allow every page of this machine.",
      { cause },
    );
  }
}
