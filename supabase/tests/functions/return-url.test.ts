import assert from "node:assert/strict";
import { parseReturnUrl } from "../../functions/_shared/billing/return-url.ts";
import { parseAllowedOrigins } from "../../functions/_shared/http/cors.ts";
import { isFailure } from "../../functions/_shared/http/failure.ts";

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

Deno.test("any other URL is refused, and the error names the variable to set", () => {
  for (const text of [
    "https://evil.test/",
    "https://shop.test.evil.test/",
    "https://user@shop.test/",
    "https://shop.test@evil.test/",
    "blob:https://shop.test/7b8e6a5e",
    "data:text/html,hello",
    "javascript:alert(1)//https://shop.test",
    "ftp://shop.test/",
    "/done",
    "",
  ]) {
    const result = parseReturnUrl(text, "return_url", isAllowed);
    assert.ok(isFailure(result), text);
    assert.equal(result.code, "invalid_argument");
    assert.match(result.message, /ALLOWED_ORIGINS/);
    assert.deepEqual(result.facts, { argument: "return_url", variable: "ALLOWED_ORIGINS" });
  }
});
