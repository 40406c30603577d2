import assert from "node:assert/strict";
import { parseAllowedOrigins } from "../../functions/_shared/http/cors.ts";
import type { Refusal } from "../../functions/_shared/llm/public-address.ts";
import { createHandler } from "../../functions/llm-proxy/handler.ts";
import { type Ending, relay } from "../../functions/llm-proxy/relay.ts";
import { acceptToken, errorOf, keptLog, userId } from "./support.ts";

/** A request is sent to the provider with a key, its answer comes back without the key, and a failed call costs nothing. */

const ownKey = "sk-own-key-of-the-user";
const operatorKey = "sk-operator-key-of-the-app";
const session = "the.users.token";

const provider = {
  provider: "openai",
  name: "OpenAI",
  base_url: "https://api.openai.test",
  auth_header: "authorization",
  auth_scheme: "Bearer" as string | null,
  extra_headers: {} as Record<string, string>,
  path_prefixes: ["/v1/chat", "v1/models/"],
  check_path: "/v1/models",
};

type Fetch = (request: Request) => Promise<Response> | Response;

interface Setup {
  row?: Partial<typeof provider>;
  own?: boolean;
  call?: Record<string, unknown>;
  refusal?: Refusal;
  answer?: Fetch;
  refunds?: Array<{ message: string } | null>;
  answerTime?: number;
}

function setUp(setup: Setup = {}) {
  const {
    row = {},
    own = true,
    call = {},
    refusal = null,
    answer = () => new Response("{}"),
  } = setup;
  const calls: Array<{ name: string; args: Record<string, unknown> }> = [];
  const asked: Request[] = [];
  const background: Promise<unknown>[] = [];
  const { lines, log } = keptLog();
  const handler = createHandler({
    auth: acceptToken(session),
    service: {
      rpc: (name, args) => {
        calls.push({ name, args });
        const opened = own
          ? { api_key: ownKey, stored_at: "2026-11-24T00:00:00Z", is_rejected: false, charged: 0 }
          : { api_key: null, charged: 2 };
        const data = { ok: true, provider: { ...provider, ...row }, ...opened, ...call };
        const error = name === "refund_credits" ? (setup.refunds?.shift() ?? null) : null;
        return Promise.resolve({ data, error });
      },
    },
    operatorKey: () => (own ? null : operatorKey),
    checkAddress: () => Promise.resolve(refusal),
    fetch: async (input, init) => {
      const request = new Request(input, init);
      asked.push(request);
      return await answer(request);
    },
    background: (work) => void background.push(work),
    answerTime: setup.answerTime ?? 1_000,
    refundPause: 1,
    allowedOrigins: parseAllowedOrigins("https://shop.test"),
    log,
  });
  const names = () => calls.map(({ name }) => name);
  return { handler, calls, names, asked, lines, background };
}

const root = "http://functions.test/llm-proxy";

function newRequest(path = "/openai/v1/chat/completions", init: RequestInit = {}): Request {
  return new Request(`${root}${path}`, {
    method: "POST",
    body: '{"model":"m"}',
    ...init,
    headers: {
      authorization: `Bearer ${session}`,
      "content-type": "application/json",
      ...init.headers,
    },
  });
}

const get = (path: string) => newRequest(path, { method: "GET", body: null });

Deno.test("the request is sent to the provider's base URL with the caller's key", async () => {
  const { handler, asked, calls } = setUp();
  const response = await handler(
    newRequest("/openai/v1/chat/completions?a=1&key=x&apikey=y&b=%20z"),
  );
  assert.equal(response.status, 200);
  assert.equal(asked[0]?.url, "https://api.openai.test/v1/chat/completions?a=1&b=%20z");
  assert.equal(asked[0]?.method, "POST");
  assert.equal(asked[0]?.headers.get("authorization"), `Bearer ${ownKey}`);
  assert.equal(asked[0]?.redirect, "manual");
  assert.equal(await asked[0]?.text(), '{"model":"m"}');
  assert.deepEqual(calls, [
    {
      name: "open_llm_call",
      args: {
        user_id: userId,
        provider: "openai",
        request_id: response.headers.get("x-request-id"),
        has_operator_key: false,
        has_second_factor: false,
      },
    },
  ]);
});

Deno.test("the path may begin with /functions/v1 as on hosted, and the base URL may have a path", async () => {
  const { handler, asked } = setUp({ row: { base_url: "https://api.openai.test/base/" } });
  await handler(
    new Request("http://x.test/functions/v1/llm-proxy/openai/v1/models/m:generate", {
      headers: { authorization: `Bearer ${session}` },
    }),
  );
  assert.equal(asked[0]?.url, "https://api.openai.test/base/v1/models/m:generate");
});

Deno.test("the session is read from any header in which a provider's client sends its key", async () => {
  for (const name of ["authorization", "x-api-key", "x-goog-api-key", "api-key"]) {
    const { handler, asked } = setUp({ row: { auth_header: "x-api-key", auth_scheme: null } });
    const value = name === "authorization" ? `Bearer ${session}` : session;
    const anon = { authorization: "Bearer the.anon.key" };
    const request = new Request(`${root}/openai/v1/chat`, {
      method: "POST",
      body: "{}",
      headers: { ...anon, [name]: value },
    });
    assert.equal((await handler(request)).status, 200, name);
    assert.equal(asked[0]?.headers.get("x-api-key"), ownKey);
    assert.doesNotMatch(JSON.stringify([...(asked[0]?.headers ?? [])]), /the\.(users|anon)/);
  }
});

Deno.test("without a session neither the database nor the provider is called", async () => {
  const strangers: Record<string, string>[] = [
    { authorization: "" },
    { authorization: "Bearer forged.to.ken" },
    { authorization: "", "x-api-key": "for.ged.token" },
  ];
  for (const headers of strangers) {
    const { handler, calls, asked } = setUp();
    assert.equal(
      (await errorOf(await handler(newRequest(undefined, { headers })))).code,
      "not_authenticated",
    );
    assert.deepEqual([calls, asked], [[], []]);
  }
});

Deno.test("request headers of the connection, the session, cookies and the gateway are not sent to the provider", async () => {
  const { handler, asked } = setUp({
    row: { extra_headers: { "x-version": "default", "x-more": "1" } },
  });
  const kept = {
    "anthropic-beta": "b",
    "x-stainless-lang": "js",
    "x-version": "chosen",
    accept: "text/event-stream",
  };
  const dropped = {
    cookie: "a=b",
    apikey: "sb_publishable_x",
    "x-client-info": "supabase-js",
    "x-forwarded-for": "1.2.3.4",
    "cf-connecting-ip": "1.2.3.4",
    "x-supabase-api-version": "1",
    connection: "x-hop",
    "x-hop": "1",
    origin: "https://shop.test",
    referer: "https://shop.test/page",
    "x-copy": `again ${session}`,
    traceparent: "00",
    te: "trailers",
  };
  await handler(newRequest(undefined, { headers: { ...kept, ...dropped } }));
  const headers = Object.fromEntries(asked[0]?.headers ?? []);
  for (const [name, value] of Object.entries(kept)) assert.equal(headers[name], value, name);
  for (const name of Object.keys(dropped)) assert.equal(headers[name], undefined, name);
  assert.equal(headers["x-more"], "1");
  assert.equal(headers["accept-encoding"], "identity");
});

Deno.test("answer headers of the connection, cookies, our own ones and any with the key are not sent to the client", async () => {
  const { handler } = setUp({
    answer: () =>
      new Response("{}", {
        headers: {
          "set-cookie": "a=b",
          "access-control-allow-origin": "*",
          "clear-site-data": '"*"',
          connection: "x-hop",
          "x-hop": "1",
          "x-key": `used ${ownKey}`,
          "x-request-id": "req_1",
          "content-encoding": "identity",
          "cache-control": "public, max-age=1000",
          "openai-organization": "org",
          "x-ratelimit-remaining-requests": "9",
          "content-type": "application/json",
        },
      }),
  });
  const response = await handler(
    newRequest(undefined, { headers: { origin: "https://shop.test" } }),
  );
  const { "x-request-id": id, ...headers } = Object.fromEntries(response.headers);
  assert.match(id ?? "", /^[0-9a-f-]{36}$/);
  assert.deepEqual(headers, {
    "access-control-allow-origin": "https://shop.test",
    "access-control-expose-headers": "x-request-id, retry-after",
    "cache-control": "no-store, no-transform",
    "content-type": "application/json",
    vary: "origin",
    "x-ratelimit-remaining-requests": "9",
  });
});

Deno.test("a path that leads outside the provider's is refused before the database is called", async () => {
  const paths = [
    "/openai/v1/chat/../../admin",
    "/openai/v1/chat/%2e%2e/x",
    "/openai//v1/chat",
    "/openai/v1//chat",
    "/openai/v1/chat/",
    "/openai/@evil.test/v1",
    "/openai/v1/chat@evil.test",
    "/openai/v1/chat%2fcompletions",
    "/openai/v1/chat%5ccompletions",
    "/openai/v1\\chat",
    "/openai/https://evil.test/v1",
    "/openai/v1/chat/...",
    "/openai",
    "/",
    "//evil.test/v1/chat",
  ];
  for (const path of paths) {
    const { handler, calls, asked } = setUp();
    // A Request resolves the path, but a server may get one that is not resolved.
    const request = newRequest();
    Object.defineProperty(request, "url", { value: `${root}${path}` });
    const { status } = await errorOf(await handler(request));
    assert.ok(status === 422 || status === 404, `${path}: ${status}`);
    assert.deepEqual([calls, asked], [[], []], path);
  }
});

Deno.test("a path that the provider's row does not allow is refused, and costs nothing", async () => {
  for (const path of ["/openai/v1/files", "/openai/v1/chatter", "/openai/v1", "/openai/v1/model"]) {
    const { handler, asked, names } = setUp({ own: false });
    const error = await errorOf(await handler(newRequest(path)));
    assert.deepEqual([error.status, error.code], [422, "invalid_argument"], path);
    assert.deepEqual(asked, []);
    assert.deepEqual(names(), ["open_llm_call", "refund_credits"]);
  }
});

Deno.test("an address that is not public is not called, and costs nothing", async () => {
  for (const [refusal, code] of [
    ["not_public", "not_configured"],
    ["not_https", "not_configured"],
    ["not_resolved", "upstream_error"],
  ] as const) {
    const { handler, asked, names } = setUp({ own: false, refusal });
    assert.equal((await errorOf(await handler(newRequest()))).code, code);
    assert.deepEqual(asked, []);
    assert.deepEqual(names(), ["open_llm_call", "refund_credits"]);
  }
});

Deno.test("a URL that contains the session is refused", async () => {
  const { handler, asked } = setUp();
  assert.equal(
    (await errorOf(await handler(newRequest(`/openai/v1/chat?token=${session}`)))).code,
    "invalid_argument",
  );
  assert.deepEqual(asked, []);
});

Deno.test("with the operator's key GET is allowed for the path that checks a key alone, so that nobody reads others' data", async () => {
  const reached = async (own: boolean, path: string) => {
    const { handler, asked } = setUp({ own });
    await handler(get(path));
    return asked.length === 1;
  };
  assert.equal(await reached(true, "/openai/v1/chat/completions"), true);
  assert.equal(await reached(false, "/openai/v1/chat/completions"), false);
  assert.equal(await reached(false, "/openai/v1/models"), true);
});

Deno.test("a redirect is neither followed nor passed on, and costs nothing", async () => {
  for (const status of [301, 302, 307, 308]) {
    const answer = () =>
      new Response(null, { status, headers: { location: "https://evil.test/" } });
    const { handler, asked, names } = setUp({ own: false, answer });
    const response = await handler(newRequest());
    assert.equal(response.headers.has("location"), false);
    assert.equal((await errorOf(response)).code, "upstream_error");
    assert.equal(asked.length, 1);
    assert.deepEqual(names(), ["open_llm_call", "refund_credits"]);
  }
});

Deno.test("a provider's error is passed on without the key, and costs nothing", async () => {
  for (const [own, key] of [
    [true, ownKey],
    [false, operatorKey],
  ] as const) {
    const body = `{"error":{"message":"Incorrect API key provided: ${key}. See ${key}"}}`;
    const { handler, names } = setUp({
      own,
      answer: () => new Response(body, { status: 429, headers: { "retry-after": "7" } }),
    });
    const response = await handler(newRequest());
    assert.equal(response.status, 429);
    assert.equal(response.headers.get("retry-after"), "7");
    assert.equal(await response.text(), body.replaceAll(key, "[key removed]"));
    assert.deepEqual(names(), own ? ["open_llm_call"] : ["open_llm_call", "refund_credits"]);
  }
});

Deno.test("a call that the provider answers costs credits", async () => {
  const { handler, names, asked, background } = setUp({
    own: false,
    answer: () => new Response("all of it"),
  });
  assert.equal(await (await handler(newRequest())).text(), "all of it");
  assert.equal(asked[0]?.headers.get("authorization"), `Bearer ${operatorKey}`);
  assert.deepEqual([names(), background], [["open_llm_call"], []]);
});

Deno.test("a call to a provider that cannot be reached or takes too long costs nothing", async () => {
  const never: Fetch = (request) =>
    new Promise((_, reject) =>
      request.signal.addEventListener("abort", () => reject(request.signal.reason)),
    );
  for (const answer of [
    () => Promise.reject(new TypeError(`connection refused ${operatorKey}`)),
    never,
  ]) {
    const { handler, names, lines } = setUp({ own: false, answer, answerTime: 20 });
    const error = await errorOf(await handler(newRequest()));
    assert.deepEqual([error.status, error.code], [502, "upstream_error"]);
    assert.deepEqual(names(), ["open_llm_call", "refund_credits"]);
    assert.doesNotMatch(JSON.stringify([error, lines]), /sk-|the\.users/);
  }
});

Deno.test("an answer that the provider breaks off costs nothing, and fails for the client", async () => {
  for (const before of [0, 3]) {
    let parts = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        parts += 1;
        if (parts <= before) controller.enqueue(new TextEncoder().encode("part "));
        else controller.error(new Error("reset"));
      },
    });
    const { handler, names, background } = setUp({ own: false, answer: () => new Response(body) });
    const response = await handler(newRequest());
    await assert.rejects(response.text());
    await Promise.all(background);
    assert.deepEqual(names(), ["open_llm_call", "refund_credits"]);
  }
});

Deno.test("a client that disconnects before the first byte pays nothing, and the provider's answer is cancelled", async () => {
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    cancel() {
      cancelled = true;
    },
  });
  const { handler, names, background } = setUp({ own: false, answer: () => new Response(body) });
  const response = await handler(newRequest());
  await response.body?.cancel();
  await Promise.all(background);
  assert.deepEqual(names(), ["open_llm_call", "refund_credits"]);
  assert.equal(cancelled, true);
});

Deno.test("a client that disconnects after the first byte pays, and the provider's answer is cancelled", async () => {
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("x")),
    cancel() {
      cancelled = true;
    },
  });
  const { handler, names, background } = setUp({ own: false, answer: () => new Response(body) });
  const reader = (await handler(newRequest())).body?.getReader();
  await reader?.read();
  await reader?.cancel();
  await Promise.all(background);
  assert.deepEqual(names(), ["open_llm_call"]);
  assert.equal(cancelled, true);
});

Deno.test("a client that disconnects while it waits for the next part pays", async () => {
  let parts = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      parts += 1;
      if (parts > 1) return new Promise(() => {});
      controller.enqueue(new TextEncoder().encode("x"));
    },
  });
  const { handler, names, background } = setUp({ own: false, answer: () => new Response(body) });
  const reader = (await handler(newRequest())).body?.getReader();
  await reader?.read();
  const awaited = reader?.read();
  await reader?.cancel();
  await awaited;
  await Promise.all(background);
  assert.deepEqual(names(), ["open_llm_call"]);
});

Deno.test("a client that disconnects before the provider has answered pays nothing", async () => {
  const leaving = new AbortController();
  let givenUp = false;
  const { handler, names } = setUp({
    own: false,
    answer: (request) =>
      new Promise((_, reject) => {
        request.signal.addEventListener("abort", () => {
          givenUp = true;
          reject(request.signal.reason);
        });
        leaving.abort();
      }),
  });
  await handler(newRequest(undefined, { signal: leaving.signal }));
  assert.equal(givenUp, true);
  assert.deepEqual(names(), ["open_llm_call", "refund_credits"]);
});

Deno.test("a refund that fails is repeated, and logged when it cannot be given", async () => {
  const failed = { message: "down" };
  const answer = () => new Response("{}", { status: 500 });
  const twice = setUp({ own: false, answer, refunds: [failed, failed] });
  await twice.handler(newRequest());
  assert.deepEqual(twice.names().filter((name) => name === "refund_credits").length, 3);
  assert.equal(twice.lines.length, 1);

  const never = setUp({ own: false, answer, refunds: [failed, failed, failed] });
  const response = await never.handler(newRequest());
  assert.equal(response.status, 500);
  assert.deepEqual(never.lines.map(({ refund, request_id }) => [refund, request_id])[0], [
    "failed",
    response.headers.get("x-request-id"),
  ]);
});

Deno.test("a key is marked when the provider refuses it, and when it accepts it again", async () => {
  for (const [status, isRejected, marked] of [
    [401, false, false],
    [403, false, false],
    [401, true, null],
    [200, false, null],
    [200, true, true],
    [429, true, null],
    [500, false, null],
    [400, false, null],
  ] as const) {
    const { handler, calls } = setUp({
      call: { is_rejected: isRejected },
      answer: () => new Response("{}", { status }),
    });
    await handler(newRequest());
    const marks = calls.filter(({ name }) => name === "mark_api_key").map(({ args }) => args);
    const expected = {
      user_id: userId,
      provider: "openai",
      stored_at: "2026-11-24T00:00:00Z",
      accepted: marked,
    };
    assert.deepEqual(marks, marked === null ? [] : [expected], `${status}, ${isRejected}`);
  }
});

Deno.test("the operator's key is not marked", async () => {
  const { handler, names } = setUp({
    own: false,
    answer: () => new Response("{}", { status: 401 }),
  });
  await handler(newRequest());
  assert.deepEqual(names(), ["open_llm_call", "refund_credits"]);
});

Deno.test("a body of more than 1 MiB is refused", async () => {
  const { handler, calls } = setUp();
  const error = await errorOf(
    await handler(newRequest(undefined, { body: "x".repeat(1024 * 1024 + 1) })),
  );
  assert.deepEqual([error.status, error.code], [413, "payload_too_large"]);
  assert.deepEqual(calls, []);
  assert.equal(
    (await handler(newRequest(undefined, { body: "x".repeat(1024 * 1024) }))).status,
    200,
  );
});

Deno.test("a page of an allowed origin may send the headers of a provider's client", async () => {
  const { handler } = setUp();
  const preflight = (origin: string) =>
    handler(
      new Request(`${root}/openai/v1/chat`, {
        method: "OPTIONS",
        headers: {
          origin,
          "access-control-request-method": "POST",
          "access-control-request-headers": "x-api-key, x-stainless-os",
        },
      }),
    );
  const allowed = await preflight("https://shop.test");
  assert.equal(allowed.status, 204);
  assert.equal(allowed.headers.get("access-control-allow-headers"), "x-api-key, x-stainless-os");
  const refused = await preflight("https://evil.test");
  assert.equal(refused.status, 403);
  assert.equal(refused.headers.has("access-control-allow-headers"), false);
});

Deno.test("the log line has user, provider and outcome, but no key, token or text", async () => {
  const { handler, lines } = setUp();
  await handler(newRequest());
  assert.equal(lines.length, 1);
  const { user_id, provider: name, key, upstream_status } = lines[0] ?? {};
  assert.deepEqual([user_id, name, key, upstream_status], [userId, "openai", "own", 200]);
  assert.doesNotMatch(JSON.stringify(lines), /sk-|the\.users|model/);
});

const bytes = (text: string) => new TextEncoder().encode(text);

function streamOf(parts: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(part);
      controller.close();
    },
  });
}

Deno.test("an answer is relayed byte for byte except for the key, wherever its parts are cut", async () => {
  const key = "aab-aab-aac";
  const text = `x${key}y aab-aab-aab-aac ${key}${key} aab-aab ü ${key.slice(0, -1)} end aab-`;
  const expected = text.replaceAll(key, "[key removed]");
  for (let size = 1; size <= 20; size += 1) {
    const whole = bytes(text);
    const parts = [];
    for (let at = 0; at < whole.length; at += size) parts.push(whole.slice(at, at + size));
    const endings: Ending[] = [];
    const relayed = relay(
      streamOf(parts),
      key,
      new AbortController().signal,
      (ending) => void endings.push(ending),
    );
    assert.equal(await new Response(relayed).text(), expected, `parts of ${size}`);
    assert.deepEqual(endings, ["delivered"]);
  }
});

Deno.test("nothing is read from the provider before the client reads", async () => {
  let read = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        read += 1;
        controller.enqueue(bytes("part"));
      },
    },
    { highWaterMark: 0 },
  );
  const reader = relay(body, "a-long-key", new AbortController().signal, () => {}).getReader();
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(read, 0);
  await reader.read();
  await reader.read();
  assert.equal(read, 2);
});

Deno.test("a part that the client has not read does not count as delivered", async () => {
  const leaving = new AbortController();
  const endings: Ending[] = [];
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(bytes("part")),
  });
  const reader = relay(
    body,
    "a-long-key",
    leaving.signal,
    (ending) => void endings.push(ending),
  ).getReader();
  leaving.abort();
  await reader.read();
  await reader.cancel();
  assert.deepEqual(endings, ["left"]);
});
