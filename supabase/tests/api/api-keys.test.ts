import { randomUUID } from "node:crypto";
import { FunctionsHttpError } from "@supabase/supabase-js";
import { beforeAll, describe, expect, it } from "vitest";
import { errorResponseSchema } from "../../functions/_shared/http/schemas.ts";
import {
  asOperator,
  type Client,
  type Person,
  service,
  signUp,
  tokenOf,
  visitor,
} from "../support/clients.ts";
import { call } from "../support/documents.ts";
import { signToken } from "../support/local-stack.ts";
import { stack } from "../support/stack.ts";

/** API keys as an app sees them: only their owner can read them. */

const key = "sk-the-key-of-ada-1234";
const page = "http://127.0.0.1:3000";
let ada: Person;
let eve: Person;

beforeAll(async () => {
  [ada, eve] = await Promise.all([signUp("ada"), signUp("eve")]);
  const { error } = await call<unknown>(ada.client, "store_api_key", {
    provider: "openai",
    api_key: key,
  });
  expect(error).toBeNull();
});

/** The answer of the function: the key, or the error's code with its status. */
async function decrypt(client: Client, body: Record<string, unknown>) {
  const { data, error } = await client.functions.invoke("decrypt-api-key", { body });
  if (!(error instanceof FunctionsHttpError)) return { data, status: 200, code: null };
  const { code } = errorResponseSchema.parse(await error.context.json()).error;
  return { data: null, status: error.context.status, code };
}

function post(token: string, headers: Record<string, string> = {}) {
  return fetch(`${stack.FUNCTIONS_URL}/decrypt-api-key`, {
    method: "POST",
    headers: { apikey: stack.PUBLISHABLE_KEY, authorization: `Bearer ${token}`, ...headers },
    body: JSON.stringify({ provider: "openai" }),
  });
}

const events = async (person: Person) => {
  const { data } = await person.client
    .from("api_key_events")
    .select("action, request_id")
    .order("id");
  return data ?? [];
};

describe("the owner of a key", () => {
  it("stores it, sees its hint in the table, and reads it back", async () => {
    const { client } = await signUp("owner");
    const stored = await call<unknown>(client, "store_api_key", {
      provider: " OpenAI",
      api_key: ` ${key}\n`,
    });
    expect(stored).toMatchObject({
      error: null,
      data: { provider: "openai", key_hint: "1234", last_used: null },
    });
    expect(JSON.stringify(stored)).not.toContain(key);
    const { data: rows } = await client.from("api_keys").select("provider, key_hint");
    expect(rows).toEqual([{ provider: "openai", key_hint: "1234" }]);
    expect((await decrypt(client, { provider: "openai" })).data).toEqual({
      provider: "openai",
      api_key: key,
    });
  });

  it("finds each read in the audit trail, with the id of its request", async () => {
    const answer = await post(await tokenOf(ada));
    expect(answer.status).toBe(200);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect((await events(ada)).at(-1)).toEqual({
      action: "decrypted",
      request_id: answer.headers.get("x-request-id"),
    });
    const { data } = await ada.client.from("api_keys").select("last_used").single();
    expect(data?.last_used).not.toBeNull();
  });

  it("replaces and deletes it", async () => {
    const { client } = await signUp("replacer");
    await call<unknown>(client, "store_api_key", { provider: "openai", api_key: "sk-first-1111" });
    await call<unknown>(client, "store_api_key", { provider: "openai", api_key: "sk-second-2222" });
    expect((await decrypt(client, { provider: "openai" })).data).toMatchObject({
      api_key: "sk-second-2222",
    });
    expect((await call<unknown>(client, "delete_api_key", { provider: "openai" })).data).toEqual({
      deleted: true,
    });
    expect((await call<unknown>(client, "delete_api_key", { provider: "openai" })).data).toEqual({
      deleted: false,
    });
    expect(await decrypt(client, { provider: "openai" })).toMatchObject({
      status: 404,
      code: "api_key_not_found",
    });
  });

  it("gets an error for a malformed key that does not contain the key", async () => {
    const bad = "sk-with white space";
    const answer = await call<unknown>(ada.client, "store_api_key", {
      provider: "openai",
      api_key: bad,
    });
    expect(answer).toMatchObject({ status: 422, error: { details: "invalid_argument" } });
    expect(JSON.parse(answer.error?.hint ?? "null")).toMatchObject({ argument: "api_key" });
    expect(JSON.stringify(answer)).not.toContain(bad);
  });

  it("gets an error for a provider without a key, and for a missing field", async () => {
    expect(await decrypt(ada.client, { provider: "anthropic" })).toMatchObject({
      status: 404,
      code: "api_key_not_found",
    });
    expect(await decrypt(ada.client, {})).toMatchObject({ status: 400, code: "invalid_body" });
  });
});

describe("anybody else", () => {
  it("cannot get the key by any call", async () => {
    const others: Array<[string, Client]> = [
      ["a stranger", eve.client],
      ["a visitor", visitor()],
    ];
    for (const [who, client] of others) {
      const answers: unknown[] = [
        await decrypt(client, { provider: "openai" }),
        await decrypt(client, { provider: "openai", user_id: ada.id }),
        await call<unknown>(client, "get_decrypted_api_key", {
          user_id: ada.id,
          provider: "openai",
        }),
        await call<unknown>(client, "decrypt_api_key", { encrypted_key: "x", secret: "x" }),
        await call<unknown>(client, "encrypt_api_key", {
          key_text: "x",
          secret: "0123456789abcdef",
        }),
        await call<unknown>(client, "rotate_api_key_secret"),
        await call<unknown>(client, "reencrypt_api_keys", { batch_size: 1 }),
        await call<unknown>(client, "drop_api_key_secret", { version: 1 }),
        await client.from("api_keys").select("*").eq("user_id", ada.id),
        await client.from("api_keys").select("key_encrypted").eq("user_id", ada.id),
        await client.from("api_keys").select("id, key_hint").eq("user_id", ada.id),
        await client
          .from("api_keys")
          .update({ user_id: eve.id } as never)
          .eq("user_id", ada.id)
          .select("id"),
        await client.from("api_keys").insert({
          ...{ user_id: eve.id, provider: "x" },
          ...{ key_encrypted: "x", key_hint: "x", secret_version: 1 },
        }),
        await client.from("api_key_events").select("id").eq("user_id", ada.id),
        await client
          .schema("vault" as never)
          .from("decrypted_secrets")
          .select(),
        await client
          .schema("private" as never)
          .rpc(
            "get_decrypted_api_key" as never,
            { user_id: ada.id, provider: "openai", request_id: "x" } as never,
          ),
      ];
      for (const [n, answer] of answers.entries()) {
        const { data } = answer as { data: unknown };
        expect(
          data === null || (Array.isArray(data) && data.length === 0),
          `${who}, call ${n}: ${JSON.stringify(answer)}`,
        ).toBe(true);
      }
      expect(JSON.stringify(answers)).not.toContain("1234");
    }
    expect((await decrypt(ada.client, { provider: "openai" })).data).toMatchObject({
      api_key: key,
    });
  });

  it("gets 401 with every token that is not a valid one of a user", async () => {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      sub: ada.id,
      role: "authenticated",
      aud: "authenticated",
      iat: now - 7200,
      exp: now + 3600,
    };
    const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString("base64url");
    const own = (await tokenOf(ada)).split(".");
    const tokens: Record<string, string> = {
      expired: signToken({ ...claims, exp: now - 1 }, stack.JWT_SECRET),
      "of another secret": signToken(claims, "another secret, as long as it must be"),
      forged: [own[0], encode({ ...claims, sub: eve.id }), own[2]].join("."),
      "with a changed signature": [own[0], own[1], `${own[2]?.slice(0, -4)}AAAA`].join("."),
      unsigned: `${encode({ alg: "none", typ: "JWT" })}.${encode(claims)}.`,
      "unsigned, with a key id": `${encode({ alg: "none", typ: "JWT", kid: "1" })}.${encode(claims)}.AAAA`,
      "signed by an unknown key": `${encode({ alg: "RS256", typ: "JWT", kid: "1" })}.${encode(claims)}.AAAA`,
      "not a token": "nonsense",
      "not JSON": "bm90.anNvbg.AAAA",
      "of a user who never was": signToken({ ...claims, sub: randomUUID() }, stack.JWT_SECRET),
      anon: stack.ANON_KEY,
      service: stack.SERVICE_ROLE_KEY,
      publishable: stack.PUBLISHABLE_KEY,
      secret: stack.SECRET_KEY,
    };
    const before = await events(ada);
    for (const [name, token] of Object.entries(tokens)) {
      const answer = await post(token);
      expect([name, answer.status], name).toEqual([name, 401]);
      const { error } = errorResponseSchema.parse(await answer.json());
      expect(error.code).toBe("not_authenticated");
      expect(answer.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    }
    expect(await events(ada)).toEqual(before);
  });
});

describe("a browser page", () => {
  it("on an allowed origin may call and read the answer", async () => {
    const preflight = await fetch(`${stack.FUNCTIONS_URL}/decrypt-api-key`, {
      method: "OPTIONS",
      headers: {
        origin: page,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization",
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe(page);
    const answer = await post(await tokenOf(ada), { origin: page });
    expect(answer.headers.get("access-control-allow-origin")).toBe(page);
    expect(await answer.json()).toEqual({ provider: "openai", api_key: key });
  });

  it("on another origin may do neither", async () => {
    const origin = "https://evil.test";
    const preflight = await fetch(`${stack.FUNCTIONS_URL}/decrypt-api-key`, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST" },
    });
    expect(preflight.status).toBe(403);
    expect(preflight.headers.get("access-control-allow-origin")).toBeNull();
    const answer = await post(await tokenOf(ada), { origin });
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  });
});

describe("the limit of sixty key reads a minute", () => {
  it("is exact for concurrent reads, counts failed ones, and answers with Retry-After", async () => {
    const reader = await signUp("reader");
    await call<unknown>(reader.client, "store_api_key", { provider: "openai", api_key: key });
    const answers = await Promise.all(
      Array.from({ length: 80 }, (_, n) =>
        call<unknown>(service(), "get_decrypted_api_key", {
          user_id: reader.id,
          // Failed reads count too.
          provider: n % 2 === 0 ? "openai" : "unknown",
        }),
      ),
    );
    const codes = answers.map(
      ({ data }) => (data as { error?: { code: string } }).error?.code ?? "read",
    );
    expect(codes.filter((code) => code === "rate_limited")).toHaveLength(20);

    const answer = await post(await tokenOf(reader));
    expect(answer.status).toBe(429);
    const wait = Number(answer.headers.get("retry-after"));
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(60);
    expect(await answer.json()).toMatchObject({
      error: { code: "rate_limited", facts: { retry_after: wait } },
    });

    await asOperator(
      (sql) => sql`
        update private.attempts
        set attempted_at = array(select t - interval '1 minute' from unnest(attempted_at) as t)
        where user_id = ${reader.id}
      `,
    );
    expect((await post(await tokenOf(reader))).status).toBe(200);
  });
});
