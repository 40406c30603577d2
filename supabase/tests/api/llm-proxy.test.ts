import { createHash, randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { asOperator, type Person, service, signUp, tokenOf } from "../support/clients.ts";
import { type KeyedFunctions, startKeyedFunctions } from "../support/keyed-functions.ts";
import { type ModelProvider, startModelProvider } from "../support/model-provider.ts";
import { stack } from "../support/stack.ts";

/** Calls through llm-proxy by the providers' own clients, on the running stack, to a stand-in for the providers. */

const suffix = randomUUID().slice(0, 8);
const openai = `openai-${suffix}`;
const anthropic = `anthropic-${suffix}`;
const elsewhere = `elsewhere-${suffix}`;
const operatorKey = `sk-operator-${randomUUID()}`;

let provider: ModelProvider;
/** Functions with an operator's key, which the stack's own do not have for these providers. */
let keyed: KeyedFunctions;
let ada: Person;
const ownKey = `sk-own-${randomUUID()}`;

beforeAll(async () => {
  provider = await startModelProvider();
  await asOperator(
    (sql) => sql`
      insert into private.llm_providers (provider, name, base_url, auth_header, auth_scheme, check_path, credits_per_call)
      values
        (${openai}, 'OpenAI here', ${provider.url}, 'authorization', 'Bearer', '/v1/models', 2),
        (${anthropic}, 'Anthropic here', ${provider.url}, 'x-api-key', null, '/v1/models', 1),
        (${elsewhere}, 'A private address', 'https://10.0.0.1', 'authorization', 'Bearer', '/v1/models', 1)
    `,
  );
  keyed = await startKeyedFunctions({
    LLM_ALLOW_LOOPBACK: "true",
    [`LLM_KEY_${openai.toUpperCase().replaceAll("-", "_")}`]: operatorKey,
  });
  ada = await signUp("ada");
  for (const name of [openai, anthropic]) {
    const stored = await ada.client.rpc("store_api_key", { provider: name, api_key: ownKey });
    expect(stored.error).toBeNull();
  }
});

afterEach(() => provider.behave(null));

afterAll(async () => {
  await asOperator(
    (sql) =>
      sql`delete from private.llm_providers where provider in ${sql([openai, anthropic, elsewhere])}`,
  );
  await keyed?.stop();
  await provider?.close();
});

async function call(person: Person, url: string, init: RequestInit = {}): Promise<Response> {
  const authorization = `Bearer ${await tokenOf(person)}`;
  return fetch(url, { method: "POST", body: "{}", ...init, headers: { authorization } });
}

const proxy = (name: string) => `${stack.FUNCTIONS_URL}/llm-proxy/${name}`;
const keyedProxy = (name: string) => `${keyed.url}/llm-proxy/${name}`;

async function ledger(person: Person) {
  const { data } = await person.client
    .from("credit_transactions")
    .select("kind, delta")
    .neq("kind", "opening")
    .order("id");
  return data?.map(({ kind, delta }) => `${kind} ${delta}`);
}

async function eventually(check: () => Promise<unknown>, expected: unknown): Promise<void> {
  await expect.poll(check, { timeout: 20_000 }).toEqual(expected);
}

describe("a provider's own client that has the proxy's URL, and the session as its key,", () => {
  it("gets whole and streamed answers from OpenAI", async () => {
    const client = new OpenAI({ baseURL: `${proxy(openai)}/v1`, apiKey: await tokenOf(ada) });
    const messages = [{ role: "user" as const, content: "A strategy, please." }];
    const whole = await client.chat.completions.create({ model: "m", messages });
    expect(whole.choices[0]?.message.content).toBe("Buy low, sell high.");

    const parts: string[] = [];
    const stream = await client.chat.completions.create({ model: "m", messages, stream: true });
    for await (const part of stream) parts.push(part.choices[0]?.delta.content ?? "");
    expect(parts).toEqual(["Buy ", "low, ", "sell ", "high."]);
    expect(provider.requests.at(-1)?.headers.authorization).toBe(`Bearer ${ownKey}`);
  });

  it("gets whole and streamed answers from Anthropic", async () => {
    const client = new Anthropic({ baseURL: proxy(anthropic), apiKey: await tokenOf(ada) });
    const messages = [{ role: "user" as const, content: "A strategy, please." }];
    const whole = await client.messages.create({ model: "m", max_tokens: 9, messages });
    expect(whole.content).toMatchObject([{ type: "text", text: "Buy low, sell high." }]);

    const stream = client.messages.stream({ model: "m", max_tokens: 9, messages });
    expect(await stream.finalText()).toBe("Buy low, sell high.");
    const { headers } = provider.requests.at(-1) ?? {};
    expect(headers?.["x-api-key"]).toBe(ownKey);
    expect(headers?.authorization).toBeUndefined();
    expect(headers?.["anthropic-version"]).toMatch(/^\d{4}-\d\d-\d\d$/);
  });

  it("gets the provider's errors unchanged, except that the key is removed", async () => {
    provider.behave(({ headers }, response) => {
      response.writeHead(400, {
        "content-type": "application/json",
        "x-echo": String(headers.authorization),
      });
      response.end(
        JSON.stringify({
          error: { message: `bad ${headers.authorization}`, code: "odd", type: "t" },
        }),
      );
    });
    const client = new OpenAI({
      baseURL: `${proxy(openai)}/v1`,
      apiKey: await tokenOf(ada),
      maxRetries: 0,
    });
    const failed = client.chat.completions.create({ model: "m", messages: [] });
    await expect(failed).rejects.toMatchObject({
      status: 400,
      code: "odd",
      message: expect.stringContaining("[key removed]"),
    });
    const error = await failed.catch((caught: unknown) => caught);
    expect(
      JSON.stringify([error, [...((error as { headers: Headers }).headers ?? [])]]),
    ).not.toContain(ownKey);
  });

  it("sends the provider neither the session nor cookies nor our headers, and gets none of the provider's cookies", async () => {
    const token = await tokenOf(ada);
    const response = await fetch(`${proxy(anthropic)}/v1/messages`, {
      method: "POST",
      body: "{}",
      headers: {
        "x-api-key": token,
        apikey: stack.PUBLISHABLE_KEY,
        authorization: `Bearer ${stack.PUBLISHABLE_KEY}`,
        cookie: "session=1",
        "x-client-info": "supabase-js",
        "x-forwarded-for": "10.9.8.7",
      },
    });
    expect(response.status).toBe(200);
    expect(response.headers.has("set-cookie")).toBe(false);
    const sent = provider.requests.at(-1)?.headers ?? {};
    expect(JSON.stringify(sent)).not.toContain(token);
    for (const name of [
      "apikey",
      "authorization",
      "cookie",
      "x-client-info",
      "x-forwarded-for",
      "origin",
    ]) {
      expect(sent[name], name).toBeUndefined();
    }
  });
});

describe("a stream", () => {
  it("arrives part by part, before the provider has sent the last one", async () => {
    let next = () => {};
    provider.behave(async (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (const part of ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"]) {
        response.write(part);
        await new Promise<void>((resolve) => {
          next = resolve;
        });
      }
      response.end();
    });
    const response = await call(ada, `${proxy(openai)}/v1/chat/completions`);
    const seen: string[] = [];
    if (response.body === null) throw new Error("the answer has no body");
    for await (const part of response.body) {
      seen.push(Buffer.from(part).toString());
      next();
    }
    expect(seen).toEqual(["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"]);
  });

  it("is ended at the provider when the client disconnects", async () => {
    provider.behave((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 1\n\n");
    });
    const leaving = new AbortController();
    const response = await call(ada, `${proxy(openai)}/v1/chat/completions`, {
      signal: leaving.signal,
    });
    await response.body?.getReader().read();
    leaving.abort();
    expect(await provider.requests.at(-1)?.closed).toBe(false);
  });

  it("fails for the client when the provider breaks the connection", async () => {
    provider.behave((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 1\n\n");
      setTimeout(() => response.destroy(), 50);
    });
    const response = await call(ada, `${proxy(openai)}/v1/chat/completions`);
    await expect(response.text()).rejects.toThrow();
  });

  it("is not read from the provider while the client does not read it", async () => {
    let written = 0;
    // The buffers of the connections on the way hold up to 40 of them.
    const megabytes = 256;
    provider.behave(async (_, response) => {
      response.writeHead(200);
      for (let n = 0; n < megabytes; n += 1) {
        if (!response.write(Buffer.alloc(1024 * 1024)))
          await Promise.race([once(response, "drain"), once(response, "close")]);
        if (response.destroyed) return;
        written += 1;
      }
      response.end();
    });
    const leaving = new AbortController();
    await call(ada, `${proxy(openai)}/v1/chat/completions`, { signal: leaving.signal });
    let before = -1;
    while (before !== written) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    expect(written).toBeLessThan(megabytes / 2);
    leaving.abort();
  });
});

describe("fifty streams at once of a megabyte each", () => {
  it("arrive byte for byte", async () => {
    await asOperator((sql) => sql`delete from private.attempts where user_id = ${ada.id}`);
    const bytes = randomBytes(1024 * 1024);
    const expected = createHash("sha256").update(bytes).digest("hex");
    provider.behave(async (_, response) => {
      response.writeHead(200, { "content-type": "application/octet-stream" });
      for (let at = 0; at < bytes.length; at += 16_384) {
        if (!response.write(bytes.subarray(at, at + 16_384))) await once(response, "drain");
      }
      response.end();
    });
    const answers = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const response = await call(ada, `${proxy(openai)}/v1/chat/completions`);
        const body = Buffer.from(await response.arrayBuffer());
        const hash = createHash("sha256").update(body).digest("hex");
        return { status: response.status, size: body.length, hash };
      }),
    );
    const whole = { status: 200, size: bytes.length, hash: expected };
    expect(answers).toEqual(Array(50).fill(whole));
    await asOperator((sql) => sql`delete from private.attempts where user_id = ${ada.id}`);
  });
});

describe("the operator's key", () => {
  it("is used and costs credits if the user has no key; a stored key is used first", async () => {
    const bob = await signUp("bob");
    expect((await call(bob, `${keyedProxy(openai)}/v1/chat/completions`)).status).toBe(200);
    expect(provider.requests.at(-1)?.headers.authorization).toBe(`Bearer ${operatorKey}`);
    expect(await ledger(bob)).toEqual(["consume -2"]);

    await bob.client.rpc("store_api_key", { provider: openai, api_key: ownKey });
    expect((await call(bob, `${keyedProxy(openai)}/v1/chat/completions`)).status).toBe(200);
    expect(provider.requests.at(-1)?.headers.authorization).toBe(`Bearer ${ownKey}`);
    expect(await ledger(bob)).toEqual(["consume -2"]);
    const { data } = await bob.client.from("api_key_events").select("action").order("id");
    expect(data?.map(({ action }) => action)).toEqual(["operator_key_used", "stored", "decrypted"]);
  });

  it("costs nothing when the provider fails, and cannot be used without credits", async () => {
    const bob = await signUp("bob");
    const failures: Array<Parameters<ModelProvider["behave"]>[0]> = [
      (_, response) => response.writeHead(500).end("{}"),
      (_, response) => response.writeHead(429).end("{}"),
      (_, response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end(),
      (_, response) => response.destroy(),
    ];
    for (const [n, failure] of failures.entries()) {
      provider.behave(failure);
      const response = await call(bob, `${keyedProxy(openai)}/v1/chat/completions`);
      await response.text();
      expect(response.status, `${n}`).toBeGreaterThanOrEqual(429);
      expect(await ledger(bob)).toEqual(
        Array.from({ length: n + 1 }, () => ["consume -2", "refund 2"]).flat(),
      );
    }
    provider.behave(null);
    for (const status of [200, 200, 402]) {
      expect((await call(bob, `${keyedProxy(openai)}/v1/chat/completions`)).status).toBe(status);
    }
  });

  it("is refunded once when the client disconnects before the first byte", async () => {
    const bob = await signUp("bob");
    for (const [n, head] of [false, true].entries()) {
      provider.behave((_, response) => {
        if (head) response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
      });
      const count = provider.requests.length;
      const leaving = new AbortController();
      const asked = call(bob, `${keyedProxy(openai)}/v1/chat/completions`, {
        signal: leaving.signal,
      });
      asked.catch(() => {});
      await eventually(async () => provider.requests.length, count + 1);
      if (head) await asked;
      leaving.abort();
      expect(await provider.requests.at(-1)?.closed).toBe(false);
      const expected = Array.from({ length: n + 1 }, () => ["consume -2", "refund 2"]).flat();
      await eventually(() => ledger(bob), expected);
    }
  });

  it("costs credits when the client disconnects after the first byte", async () => {
    const bob = await signUp("bob");
    provider.behave((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 1\n\n");
    });
    const leaving = new AbortController();
    const response = await call(bob, `${keyedProxy(openai)}/v1/chat/completions`, {
      signal: leaving.signal,
    });
    await response.body?.getReader().read();
    leaving.abort();
    expect(await provider.requests.at(-1)?.closed).toBe(false);
    // By the time that another call has ended, so has the first.
    provider.behave(null);
    await (await call(bob, `${keyedProxy(openai)}/v1/chat/completions`)).text();
    expect(await ledger(bob)).toEqual(["consume -2", "consume -2"]);
  });
});

describe("llm-proxy", () => {
  it("reaches no private address, and no path outside the provider's, whatever the client sends", async () => {
    await ada.client.rpc("store_api_key", { provider: elsewhere, api_key: ownKey });
    const refused = await call(ada, `${proxy(elsewhere)}/v1/models`);
    expect([refused.status, (await refused.json()).error.code]).toEqual([503, "not_configured"]);

    const before = provider.requests.length;
    const token = await tokenOf(ada);
    for (const path of [
      "/v1/../../etc/passwd",
      "/v1/%2e%2e/admin",
      "//evil.test/v1/models",
      "/v1//models",
      "/@evil.test/v1/models",
      "/v1/models%2f..%2fadmin",
      "/v1\\..\\admin",
      "/https://evil.test/v1/models",
      "/admin",
    ]) {
      const answer = await raw(`/functions/v1/llm-proxy/${openai}${path}`, token);
      expect(answer.status, `${path}: ${answer.status}`).toBeGreaterThanOrEqual(400);
    }
    expect(provider.requests).toHaveLength(before);
  });

  it("marks a key that the provider refuses, until it works again", async () => {
    const state = async () => {
      const { data } = await ada.client
        .from("api_keys")
        .select("verified_at, rejected_at")
        .eq("provider", openai)
        .single();
      return [data?.verified_at !== null, data?.rejected_at !== null];
    };
    provider.behave((_, response) => response.writeHead(401).end("{}"));
    expect((await call(ada, `${proxy(openai)}/v1/chat/completions`)).status).toBe(401);
    expect(await state()).toEqual([false, true]);
    provider.behave(null);
    expect((await call(ada, `${proxy(openai)}/v1/chat/completions`)).status).toBe(200);
    expect(await state()).toEqual([true, false]);
  });

  it("can be called sixty times a minute", async () => {
    const bob = await signUp("bob");
    await asOperator(
      (sql) => sql`
        insert into private.attempts (user_id, bucket, attempted_at, expires_at)
        values (${bob.id}, 'llm_call', array_fill(now(), array[60]), now() + interval '1 minute')
      `,
    );
    const response = await call(bob, `${proxy(openai)}/v1/chat/completions`);
    expect(response.status).toBe(429);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
  });
});

describe("store-api-key", () => {
  it("stores a key that the provider accepts or cannot check, and not one that it refuses", async () => {
    const bob = await signUp("bob");
    const store = async (status: number) => {
      provider.behave((_, response) => response.writeHead(status).end("{}"));
      return bob.client.functions.invoke("store-api-key", {
        body: { provider: openai, api_key: ownKey },
      });
    };
    const refused = await store(401);
    expect(await (refused.error as { context: Response }).context.json()).toMatchObject({
      error: { code: "api_key_rejected" },
    });
    expect((await bob.client.from("api_keys").select("id")).data).toEqual([]);

    const key_hint = ownKey.slice(-4);
    expect((await store(500)).data).toEqual({ provider: openai, key_hint, verified: false });
    expect((await store(200)).data).toEqual({ provider: openai, key_hint, verified: true });
    expect(provider.requests.at(-1)).toMatchObject({
      method: "GET",
      url: "/v1/models",
      headers: { authorization: `Bearer ${ownKey}` },
    });
    const { data } = await bob.client.from("api_keys").select("verified_at, rejected_at").single();
    expect([data?.verified_at !== null, data?.rejected_at]).toEqual([true, null]);
    const read = await service().rpc("get_decrypted_api_key", {
      user_id: bob.id,
      provider: openai,
    });
    expect(read.data).toMatchObject({ api_key: ownKey });
  });
});

/** Sends a request with a path that no client library has normalized. */
async function raw(path: string, token: string): Promise<{ status: number }> {
  const { hostname, port } = new URL(stack.API_URL);
  const socket = connect(Number(port), hostname);
  socket.write(
    `GET ${path} HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${token}\r\nconnection: close\r\n\r\n`,
  );
  const answer = await text(socket);
  return { status: Number(answer.split(" ")[1]) };
}
