import assert from "node:assert/strict";
import { readJson } from "../../functions/_shared/http/body.ts";
import { parseAllowedOrigins } from "../../functions/_shared/http/cors.ts";
import {
  anybody,
  createEndpoint,
  type Endpoint,
  noBody,
} from "../../functions/_shared/http/endpoint.ts";
import { failure, isFailure } from "../../functions/_shared/http/failure.ts";
import { healthResponseSchema } from "../../functions/_shared/http/schemas.ts";
import { errorOf, keptLog, post } from "./support.ts";

/** What all functions have in common. */

function endpoint(changes: Partial<Endpoint<null, null>> = {}) {
  const { lines, log } = keptLog();
  const handler = createEndpoint({
    name: "sample",
    methods: ["POST"],
    allowedOrigins: parseAllowedOrigins("https://shop.test, https://app-*.shop.test"),
    caller: anybody,
    body: noBody,
    handle: () => Promise.resolve({ fine: true }),
    log,
    ...changes,
  });
  return { handler, lines };
}

Deno.test("an answer has the id of its request, which is also in the log line", async () => {
  const { handler, lines } = endpoint();
  const first = await handler(post({}));
  const second = await handler(post({}));
  assert.deepEqual(await first.json(), { fine: true });
  assert.notEqual(first.headers.get("x-request-id"), second.headers.get("x-request-id"));
  assert.equal(lines[0]?.request_id, first.headers.get("x-request-id"));
});

Deno.test("a request id from the caller is not used", async () => {
  const { handler } = endpoint();
  const response = await handler(post({}, { "x-request-id": "mine" }));
  assert.notEqual(response.headers.get("x-request-id"), "mine");
});

Deno.test("no answer may be cached", async () => {
  const { handler } = endpoint();
  assert.equal((await handler(post({}))).headers.get("cache-control"), "no-store");
});

Deno.test("another method is refused with the list of allowed ones", async () => {
  const { handler } = endpoint();
  const response = await handler(new Request("http://functions.test/", { method: "GET" }));
  assert.equal(response.headers.get("allow"), "POST");
  assert.deepEqual(await errorOf(response), {
    status: 405,
    code: "method_not_allowed",
    message: "Use POST.",
    facts: { allowed: ["POST"] },
  });
});

Deno.test("a failure becomes an error of its status, code, message and facts", async () => {
  const { handler, lines } = endpoint({
    handle: () =>
      Promise.resolve(
        failure("coupon_expired", "Gone.", { facts: { code: "X" }, cause: "inside" }),
      ),
  });
  assert.deepEqual(await errorOf(await handler(post({}))), {
    status: 410,
    code: "coupon_expired",
    message: "Gone.",
    facts: { code: "X" },
  });
  assert.equal(lines[0]?.code, "coupon_expired");
  assert.equal(lines[0]?.cause, "inside");
});

Deno.test("the steps run in order, and the first that fails ends the request", async () => {
  const steps = ["caller", "body", "limit", "handle"] as const;
  for (const [index, failing] of steps.entries()) {
    const done: string[] = [];
    const step = (name: string) => {
      done.push(name);
      return Promise.resolve(name === failing ? failure("rate_limited", name) : null);
    };
    const { handler } = endpoint({
      caller: () => step("caller") as Promise<null>,
      body: () => step("body") as Promise<null>,
      limit: () => step("limit"),
      handle: () => step("handle") as Promise<object>,
    });
    const { message } = await errorOf(await handler(post({})));
    assert.equal(message, failing);
    assert.deepEqual(done, steps.slice(0, index + 1));
  }
});

Deno.test("a rate limit sets Retry-After, which a page may read", async () => {
  const { handler } = endpoint({
    handle: () => Promise.resolve(failure("rate_limited", "Wait.", { facts: { retry_after: 7 } })),
  });
  const response = await handler(post({}, { origin: "https://shop.test" }));
  assert.equal(response.status, 429);
  assert.equal(response.headers.get("retry-after"), "7");
  assert.equal(response.headers.get("access-control-expose-headers"), "x-request-id, retry-after");
});

Deno.test("an exception is answered as internal, and its text is neither answered nor logged", async () => {
  const { handler, lines } = endpoint({
    handle: () =>
      Promise.reject(new TypeError("sk-very-secret\n    at sk-very-secret (x/y.ts:1:1)")),
  });
  const error = await errorOf(await handler(post({})));
  assert.equal(error.status, 500);
  assert.equal(error.code, "internal");
  assert.equal(lines[0]?.error, "TypeError");
  assert.match(String(lines[0]?.at), /functions\/endpoint\.test\.ts:\d+/);
  assert.doesNotMatch(JSON.stringify([error, lines]), /secret/);
});

Deno.test("each request has one log line, without body, token or address", async () => {
  const { handler, lines } = endpoint({
    handle: async ({ request, note }) => {
      note({ user_id: "somebody" });
      const body = await readJson(request, healthResponseSchema);
      return isFailure(body) ? body : Response.json({ answer: "secret-answer" });
    },
  });
  const headers = {
    authorization: "Bearer secret-token",
    apikey: "secret-key",
    cookie: "secret=1",
  };
  const request = (body: unknown) =>
    new Request("http://functions.test/?secret=1", post(body, headers));
  await handler(request({ status: "ok", more: "secret-field" }));
  await handler(request("{ secret"));
  await handler(request({ status: "secret-value" }));
  await handler(new Request("http://functions.test/", { method: "SECRET" }));
  assert.equal(lines.length, 4);
  assert.doesNotMatch(JSON.stringify(lines), /secret/i);
  assert.deepEqual(Object.keys(lines[0] ?? {}), [
    "time",
    "level",
    "function",
    "request_id",
    "method",
    "status",
    "duration_ms",
    "user_id",
  ]);
});

// ------------------------------------------------------------------------- browsers

const preflight = (origin: string) =>
  new Request("http://functions.test/", {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST" },
  });

Deno.test("a page of an allowed origin may call and read the answer", async () => {
  const { handler } = endpoint();
  const before = await handler(preflight("https://app-7.shop.test"));
  assert.equal(before.status, 204);
  assert.equal(before.headers.get("access-control-allow-origin"), "https://app-7.shop.test");
  assert.equal(before.headers.get("access-control-allow-methods"), "POST");
  for (const header of ["authorization", "apikey", "x-client-info", "content-type"]) {
    assert.ok(before.headers.get("access-control-allow-headers")?.includes(header), header);
  }
  const response = await handler(post({}, { origin: "https://shop.test" }));
  assert.equal(response.headers.get("access-control-allow-origin"), "https://shop.test");
  assert.match(response.headers.get("vary") ?? "", /origin/i);
});

Deno.test("a page of another origin may neither call nor read the answer", async () => {
  const { handler } = endpoint();
  const before = await handler(preflight("https://evil.test"));
  assert.equal(before.status, 403);
  const response = await handler(post({}, { origin: "https://evil.test" }));
  for (const { headers } of [before, response]) {
    assert.equal(headers.get("access-control-allow-origin"), null);
    assert.match(headers.get("vary") ?? "", /origin/i);
  }
});

Deno.test("a page of an allowed origin may read an error", async () => {
  const { handler } = endpoint({ handle: () => Promise.reject(new Error("x")) });
  const response = await handler(post({}, { origin: "https://shop.test" }));
  assert.equal(response.headers.get("access-control-allow-origin"), "https://shop.test");
});

Deno.test("a function that no page may call refuses preflights", async () => {
  const { handler } = endpoint({ allowedOrigins: null });
  const response = await handler(preflight("https://shop.test"));
  assert.equal(response.status, 405);
  assert.equal(response.headers.get("access-control-allow-origin"), null);
});

Deno.test("in an origin a star matches a part of one label", () => {
  const isAllowed = parseAllowedOrigins(
    "https://app-*.shop.test,http://localhost:3000,https://*.a.example.com",
  );
  const allowed = [
    "https://app-1.shop.test",
    "https://app-a-b.shop.test",
    "http://localhost:3000",
    "https://x.a.example.com",
  ];
  const refused = [
    "https://app-.shop.test",
    "https://app-1.evil.shop.test",
    "https://app-1.shop.test.evil.test",
    "https://app-1.shop.test:444",
    "http://app-1.shop.test",
    "https://app-1xshop.test",
    "https://evil.test/app-1.shop.test",
    "https://shop.test",
    "http://localhost:3001",
    "http://localhost",
    "https://a.example.com",
    "https://x.y.a.example.com",
    "null",
    "",
  ];
  for (const origin of allowed) assert.ok(isAllowed(origin), origin);
  for (const origin of refused) assert.ok(!isAllowed(origin), origin);
});

Deno.test("as a port a star matches every port of localhost, and of no other host", () => {
  const isAllowed = parseAllowedOrigins("http://localhost:*,https://127.0.0.1:*");
  for (const origin of ["http://localhost", "http://localhost:5173", "https://127.0.0.1:8443"]) {
    assert.ok(isAllowed(origin), origin);
  }
  for (const origin of [
    "https://localhost:5173",
    "http://127.0.0.1:5173",
    "https://127a0b0c1:5173",
    "http://localhost.evil.test:5173",
    "http://evil.test:5173",
    "http://localhost:5173.evil.test",
  ]) {
    assert.ok(!isAllowed(origin), origin);
  }
});

Deno.test("an empty list of origins allows no page", () => {
  for (const list of ["", " ", ","]) assert.ok(!parseAllowedOrigins(list)("https://shop.test"));
});

Deno.test("an entry that is not an origin, or that would match domains that anybody can register, is refused", () => {
  for (const entry of [
    "*",
    "https://*",
    "https://*.test",
    "https://shop.*",
    "https://*shop.test",
    "https://*.*.shop.test",
    "https://a*b*.c.shop.test",
    "https://shop.test/",
    "https://shop.test/path",
    "shop.test",
    "https://shop.test:*",
    "https://app-*.shop.test:*",
    "http://localhost.evil.test:*",
    "ftp://shop.test",
    "https://shop..test",
    "https://SHOP.test",
  ]) {
    assert.throws(() => parseAllowedOrigins(`https://ok.test,${entry}`), /not an origin/, entry);
  }
});
