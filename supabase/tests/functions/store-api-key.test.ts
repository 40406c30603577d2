import assert from "node:assert/strict";
import { parseAllowedOrigins } from "../../functions/_shared/http/cors.ts";
import type { Refusal } from "../../functions/_shared/llm/public-address.ts";
import { createHandler } from "../../functions/store-api-key/handler.ts";
import { acceptToken, errorOf, keptLog, post, userId } from "./support.ts";

/** A key is stored unless its provider refuses it. */

const key = "sk-the-users-own-key";

const provider = {
  provider: "openai",
  name: "OpenAI",
  base_url: "https://api.openai.test/base/",
  auth_header: "authorization",
  auth_scheme: "Bearer" as string | null,
  extra_headers: { "x-extra": "1" },
  path_prefixes: ["/v1/"],
  check_path: "v1/models?limit=1" as string | null,
};

interface Setup {
  row?: Partial<typeof provider>;
  begun?: unknown;
  refusal?: Refusal;
  answer?: () => Promise<Response>;
}

function setUp({
  row = {},
  begun,
  refusal = null,
  answer = () => Promise.resolve(new Response("{}")),
}: Setup = {}) {
  const calls: Array<{ name: string; args: Record<string, unknown> }> = [];
  const asked: Request[] = [];
  const { lines, log } = keptLog();
  const handler = createHandler({
    auth: acceptToken("the.users.token"),
    service: {
      rpc: (name, args) => {
        calls.push({ name, args });
        const data =
          name === "begin_api_key_check"
            ? (begun ?? { ok: true, provider: { ...provider, ...row } })
            : { id: "1", provider: "openai", key_hint: "-key" };
        return Promise.resolve({ data, error: null });
      },
    },
    checkAddress: () => Promise.resolve(refusal),
    fetch: (input, init) => {
      asked.push(new Request(input, init));
      return answer();
    },
    providerTime: 50,
    allowedOrigins: parseAllowedOrigins(""),
    log,
  });
  const store = (body: unknown = { provider: " OpenAI", api_key: `${key}\n` }) =>
    handler(post(body, { authorization: "Bearer the.users.token" }));
  const stored = () => calls.filter(({ name }) => name === "store_checked_api_key");
  return { store, handler, calls, asked, stored, lines };
}

const status =
  (code: number, body = "") =>
  () =>
    Promise.resolve(new Response(body, { status: code }));

Deno.test("a key that the provider accepts is stored as verified", async () => {
  const { store, asked, stored } = setUp();
  const response = await store();
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { provider: "openai", key_hint: "-key", verified: true });
  assert.equal(asked.length, 1);
  assert.equal(asked[0]?.url, "https://api.openai.test/base/v1/models?limit=1");
  assert.equal(asked[0]?.method, "GET");
  assert.equal(asked[0]?.headers.get("authorization"), `Bearer ${key}`);
  assert.equal(asked[0]?.headers.get("x-extra"), "1");
  assert.equal(asked[0]?.redirect, "manual");
  assert.deepEqual(
    stored().map(({ args }) => args),
    [
      {
        user_id: userId,
        provider: "openai",
        api_key: key,
        verified: true,
        request_id: response.headers.get("x-request-id"),
      },
    ],
  );
});

Deno.test("a key is sent without a scheme if the provider has none", async () => {
  const { store, asked } = setUp({ row: { auth_header: "x-api-key", auth_scheme: null } });
  await store();
  assert.equal(asked[0]?.headers.get("x-api-key"), key);
  assert.equal(asked[0]?.headers.has("authorization"), false);
});

Deno.test("a key that the provider refuses is not stored", async () => {
  for (const code of [400, 401, 403]) {
    const { store, stored } = setUp({ answer: status(code, `no such key: ${key}`) });
    const response = await store();
    const error = await errorOf(response);
    assert.deepEqual(
      [error.status, error.code, error.facts],
      [422, "api_key_rejected", { provider: "openai" }],
    );
    assert.doesNotMatch(error.message, /sk-/);
    assert.deepEqual(stored(), []);
  }
});

Deno.test("a key that the provider neither accepts nor refuses is stored as unverified", async () => {
  const answers: Record<string, Setup> = {
    "an error of the provider": { answer: status(500) },
    "too many requests": { answer: status(429) },
    "a redirect": { answer: status(302) },
    "a key that may only not list models": {
      answer: status(403, "Missing scopes: api.model.read"),
    },
    "no answer": { answer: () => Promise.reject(new TypeError("no route")) },
    "no request to check by": { row: { check_path: null } },
    "no address": { refusal: "not_resolved" },
  };
  for (const [name, setup] of Object.entries(answers)) {
    const { store, stored } = setUp(setup);
    assert.equal((await (await store()).json()).verified, false, name);
    assert.deepEqual(
      stored().map(({ args }) => args.verified),
      [false],
      name,
    );
  }
});

Deno.test("a provider that does not answer in time is aborted, and the key is stored as unverified", async () => {
  const { store, asked } = setUp({
    answer: () =>
      new Promise((_, reject) => {
        asked[0]?.signal.addEventListener("abort", () => reject(new Error("given up")));
      }),
  });
  assert.equal((await (await store()).json()).verified, false);
});

Deno.test("a key is not sent to an address that is not public", async () => {
  for (const refusal of ["not_public", "not_https"] as const) {
    const { store, asked, stored } = setUp({ refusal });
    assert.equal((await errorOf(await store())).code, "not_configured");
    assert.deepEqual([asked, stored()], [[], []]);
  }
});

Deno.test("the provider is not called when the database refuses the check", async () => {
  for (const [code, facts] of [
    ["rate_limited", { retry_after: 9 }],
    ["llm_provider_not_found", null],
  ] as const) {
    const { store, asked, stored } = setUp({
      begun: { ok: false, error: { code, message: "No.", facts } },
    });
    assert.equal((await errorOf(await store())).code, code);
    assert.deepEqual([asked, stored()], [[], []]);
  }
});

Deno.test("without a session, or with a malformed key, nothing is called or stored", async () => {
  const { store, handler, calls, asked } = setUp();
  const refused = await handler(post({ provider: "openai", api_key: key }));
  assert.equal((await errorOf(refused)).code, "not_authenticated");
  for (const api_key of [
    "short",
    "with space",
    "x".repeat(513),
    "with-ключ",
    12345678,
    undefined,
  ]) {
    const error = await errorOf(await store({ provider: "openai", api_key }));
    assert.equal(error.code, "invalid_body");
    assert.doesNotMatch(JSON.stringify(error), /with space|ключ/);
  }
  assert.deepEqual([calls, asked], [[], []]);
});

Deno.test("the log line has the provider and its verdict, but not the key", async () => {
  const { store, lines } = setUp({ answer: status(401, key) });
  await store();
  assert.deepEqual(
    [lines[0]?.provider, lines[0]?.verdict, lines[0]?.code],
    ["openai", "refused", "api_key_rejected"],
  );
  assert.doesNotMatch(JSON.stringify(lines), /sk-|token/);
});
