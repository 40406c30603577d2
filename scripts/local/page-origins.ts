import type { Config } from "./config.ts";

/**
 * Where the app's pages are served on this machine: what Auth may send a browser to. They may call the edge
 * functions here without any setting; ALLOWED_ORIGINS replaces them.
 */
export function pageOrigins(auth: Config["auth"]): string {
  const origins = [auth.site_url, ...auth.additional_redirect_urls]
    .filter((url) => /^https?:/.test(url) && URL.canParse(url))
    .map((url) => new URL(url).origin)
    .filter((origin) => !origin.includes("*"));
  return [...new Set(origins)].join(",");
}
