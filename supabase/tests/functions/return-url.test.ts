import assert from "node:assert/strict";
import { parseReturnUrl } from "../../functions/_shared/billing/return-url.ts";
import { parseAllowedOrigins } from "../../functions/_shared/http/cors.ts";

/** A payment provider may redirect users to pages of the app alone. */

const isAllowed = parseAllowedOrigins("https://shop.test, http://localhost:3000");

Deno.test("a page of an allowed origin is returned as a browser parses it", () => {
  for (const [text, page] of [
    ["https://shop.test/done", "https://shop.test/done"],
    ["HTTPS://SHOP.TEST", "https://shop.test/"],
    ["http://localhost:3000/a?b=c#d", "http://localhost:3000/a?b=c#d"],
    ["https://shop.test/{CHECKOUT_SESSION_ID}", "https://shop.test/{CHECKOUT_SESSION_ID}"],
  ] as const) {
    assert.equal(parseReturnUrl(text, "return_url", isAllowed), page);
  }
});
