import assert from "node:assert/strict";
import { parseAllowedOrigins } from "../../functions/_shared/http/cors.ts";
import type { RpcClient } from "../../functions/_shared/supabase/rpc.ts";
import { createHandler } from "../../functions/decrypt-api-key/handler.ts";
import { acceptToken, errorOf, keptLog, post, userId } from "./support.ts";

/** The function returns a key to its owner, and to nobody else. */

const key = "sk-the-users-own-key";

type Answer = Awaited<ReturnType<RpcClient["rpc"]>>;

function setUp(
  answer: Partial<Answer> = { data: { ok: true, provider: "openai", api_key: key } },
  aal = "aal2",
) {
  const calls: Array<{ name: string; args: Record<string, unknown> }> = [];
  const { lines, log } = keptLog();
  const handler = createHandler({
    auth: acceptToken("the.users.token", { aal }),
    service: {
      rpc: (name, args) => {
        calls.push({ name, args });
        return Promise.resolve({ data: null, error: null, ...answer });
      },
    },
    allowedOrigins: parseAllowedOrigins("https://shop.test"),
    log,
  });
  return { handler, calls, lines };
}

const asUser = (body: unknown, headers: Record<string, string> = {}) =>
  post(body, { authorization: "Bearer the.users.token", ...headers });

Deno.test("the owner gets the key, and the database gets the request's id for the audit trail", async () => {
  const { handler, calls } = setUp();
  const response = await handler(asUser({ provider: "openai" }));
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.deepEqual(await response.json(), { provider: "openai", api_key: key });
  assert.deepEqual(calls, [
    {
      name: "get_decrypted_api_key",
      args: {
        user_id: userId,
        provider: "openai",
        request_id: response.headers.get("x-request-id"),
      },
    },
  ]);
});

Deno.test("neither the key nor the token is in the log", async () => {
  const { handler, lines } = setUp();
  await handler(asUser({ provider: "openai" }));
  assert.equal(lines.length, 1);
  assert.equal(lines[0]?.user_id, userId);
  assert.doesNotMatch(JSON.stringify(lines), /sk-|token|openai/);
});

Deno.test("without a valid token no key is read", async () => {
  const { handler, calls } = setUp();
  for (const authorization of ["", "Bearer forged.token.here", "Bearer anon.key.token"]) {
    const error = await errorOf(await handler(post({ provider: "openai" }, { authorization })));
    assert.deepEqual([error.status, error.code], [401, "not_authenticated"]);
  }
  assert.deepEqual(calls, []);
});

Deno.test("a session without the user's second factor cannot read a key", async () => {
  const { handler, calls } = setUp({ data: true }, "aal1");
  const error = await errorOf(await handler(asUser({ provider: "openai" })));
  assert.deepEqual([error.status, error.code], [403, "mfa_required"]);
  assert.deepEqual(
    calls.map(({ name }) => name),
    ["has_second_factor"],
  );
});

Deno.test("a request cannot name another user", async () => {
  const { handler, calls } = setUp();
  const request = asUser({ provider: "openai", user_id: "99999999-2222-4333-8444-555555555555" });
  assert.equal((await errorOf(await handler(request))).code, "invalid_body");
  assert.deepEqual(calls, []);
});

Deno.test("a request without a valid provider, or of more than 16 KiB, is refused", async () => {
  const { handler, calls } = setUp();
  for (const body of [
    {},
    { provider: "" },
    { provider: 1 },
    { provider: "x".repeat(65) },
    "no json",
  ]) {
    assert.equal((await errorOf(await handler(asUser(body)))).code, "invalid_body");
  }
  const large = await errorOf(await handler(asUser({ provider: "x".repeat(17_000) })));
  assert.deepEqual([large.status, large.code], [413, "payload_too_large"]);
  assert.deepEqual(calls, []);
});

Deno.test("an error that the database returns keeps its status, code and facts", async () => {
  const limited = {
    ok: false,
    error: { code: "rate_limited", status: 429, message: "Wait.", facts: { retry_after: 12 } },
  };
  const response = await setUp({ data: limited }).handler(asUser({ provider: "openai" }));
  assert.equal(response.headers.get("retry-after"), "12");
  assert.deepEqual(await errorOf(response), {
    status: 429,
    code: "rate_limited",
    message: "Wait.",
    facts: { retry_after: 12 },
  });
  const missing = {
    ok: false,
    error: { code: "api_key_not_found", status: 404, message: "None.", facts: null },
  };
  const notFound = await setUp({ data: missing }).handler(asUser({ provider: "openai" }));
  assert.equal((await errorOf(notFound)).status, 404);
});

Deno.test("an error that the database raises keeps its status, code and facts", async () => {
  const error = {
    code: "PT422",
    message: "Name it.",
    details: "invalid_argument",
    hint: '{"argument": "provider"}',
  };
  const response = await setUp({ error }).handler(asUser({ provider: "openai" }));
  assert.deepEqual(await errorOf(response), {
    status: 422,
    code: "invalid_argument",
    message: "Name it.",
    facts: { argument: "provider" },
  });
});

Deno.test("any other error is internal: its SQLSTATE is logged, but not its text", async () => {
  const error = { code: "XX000", message: `broken by ${key}`, details: key, hint: key };
  const { handler, lines } = setUp({ error });
  const answered = await errorOf(await handler(asUser({ provider: "openai" })));
  assert.deepEqual([answered.status, answered.code, answered.facts], [500, "internal", null]);
  assert.equal(lines[0]?.cause, "XX000");
  assert.doesNotMatch(JSON.stringify([answered, lines]), /sk-/);
});

Deno.test("an unexpected answer of the database is internal", async () => {
  for (const data of [null, {}, { ok: true, provider: "openai" }, { ok: false }, "text"]) {
    const { handler } = setUp({ data });
    assert.equal((await errorOf(await handler(asUser({ provider: "openai" })))).code, "internal");
  }
});

Deno.test("only a page of an allowed origin may read the answer", async () => {
  const { handler } = setUp();
  for (const [origin, allowed] of [
    ["https://shop.test", "https://shop.test"],
    ["https://evil.test", null],
  ] as const) {
    const response = await handler(asUser({ provider: "openai" }, { origin }));
    assert.equal(response.headers.get("access-control-allow-origin"), allowed);
  }
});
