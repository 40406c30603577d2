import { describe, expect, it } from "vitest";
import { newClient } from "../support/clients.ts";
import { loadConfig } from "../support/local-stack.ts";
import { stack } from "../support/stack.ts";

/** A request of supabase-js, for which a browser first sends a preflight. */
interface Sent {
  method: string;
  path: string;
  headers: string[];
}

const page = "http://localhost:5173";
const id = "00000000-0000-4000-8000-000000000001";
const functions = Object.keys((await loadConfig()).functions);
const sent = await recordAll();

/** Calls the methods that supabase-js offers to a page, and records the requests without sending them. */
async function recordAll(): Promise<Sent[]> {
  const all: Sent[] = [];
  const client = newClient(stack.API_URL, stack.PUBLISHABLE_KEY, {
    global: {
      fetch: async (input, init) => {
        const { pathname, search } = new URL(String(input));
        const method = init?.method ?? "GET";
        const headers = [...new Headers(init?.headers).keys()];
        all.push({ method, path: `${pathname}${search}`, headers });
        const user = { id, aud: "authenticated", email: "page@pinebase.test", factors: [] };
        const session = { access_token: stack.ANON_KEY, refresh_token: "r", expires_in: 3600 };
        return pathname.includes("/auth/")
          ? Response.json({ ...user, ...session, user })
          : Response.json({}, { status: pathname.startsWith("/realtime/") ? 202 : 200 });
      },
    },
  });
  const { auth } = client;
  const email = "page@pinebase.test";
  const password = "a long enough password";
  const rows = client.from("strategies");
  const files = client.storage.from("strategy-exports");
  const file = new Blob(["x"]);
  const calls: Array<() => PromiseLike<unknown>> = [
    () => auth.signUp({ email, password }),
    () => auth.signInWithPassword({ email, password }),
    () => auth.signInAnonymously(),
    () => auth.signInWithOtp({ email }),
    () => auth.verifyOtp({ email, token: "123456", type: "email" }),
    () => auth.resend({ type: "signup", email }),
    () => auth.resetPasswordForEmail(email, { redirectTo: page }),
    () => auth.setSession({ access_token: stack.ANON_KEY, refresh_token: "r" }),
    () => auth.refreshSession({ refresh_token: "r" }),
    () => auth.getUser(),
    () => auth.updateUser({ password }),
    () => auth.reauthenticate(),
    () => auth.getUserIdentities(),
    () => auth.mfa.enroll({ factorType: "totp" }),
    () => auth.mfa.challenge({ factorId: id }),
    () => auth.mfa.unenroll({ factorId: id }),
    () => auth.signOut(),
    () => rows.select("*", { count: "exact" }).range(0, 9),
    () => rows.select("*", { head: true }),
    () => rows.select().eq("id", id).single(),
    () => rows.insert({ name: "x" }).select(),
    () => rows.upsert({ name: "x" }),
    () => rows.update({ name: "x" }).eq("id", id),
    () => rows.delete().eq("id", id),
    () => client.rpc("consume_credits", { amount: 1, reason: "x", idempotency_key: "12345678" }),
    () => client.rpc("fork_strategy", { strategy_id: id }),
    () => client.rpc("list_public_strategies", {}, { get: true }),
    () => client.schema("graphql_public").rpc("graphql", { query: "{}" }),
    () => files.upload("a.json", file),
    () => files.update("a.json", file),
    () => files.list(),
    () => files.download("a.json"),
    () => files.createSignedUrl("a.json", 60),
    () => files.move("a", "b"),
    () => files.remove(["a"]),
    () => client.storage.listBuckets(),
    () => client.channel("x").httpSend("moved", {}),
    ...functions.map((name) => () => client.functions.invoke(name, { body: {} })),
    () => client.functions.invoke("health", { method: "GET" }),
  ];
  for (const call of calls) await call();
  return all;
}

const describeRequest = ({ method, path }: Sent) => `${method} ${path}`;
const requests = sent.map((one) => [describeRequest(one), one] as const);
const words = (list: string | null) => (list ?? "").split(/,\s*/).map((word) => word.toLowerCase());

describe("a page of this machine", () => {
  it("is tested with requests to every service", () => {
    for (const service of ["rest", "auth", "storage", "realtime", "functions"]) {
      expect(sent.filter(({ path }) => path.startsWith(`/${service}/v1/`))).not.toEqual([]);
    }
    expect(sent.length).toBeGreaterThan(45);
  });

  it.each(requests)("may send %s", async (_, { method, path, headers }) => {
    const answer = await fetch(`${stack.API_URL}${path}`, {
      method: "OPTIONS",
      headers: {
        origin: page,
        "access-control-request-method": method,
        "access-control-request-headers": headers.join(","),
      },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers.get("access-control-allow-origin")).toBe(page);
    expect(words(answer.headers.get("access-control-allow-methods"))).toContain(
      method.toLowerCase(),
    );
    expect(words(answer.headers.get("access-control-allow-headers"))).toEqual(
      expect.arrayContaining(headers),
    );
    expect(words(answer.headers.get("vary"))).toContain("origin");
  });

  it.each(
    requests.filter(
      ([, { path }]) => !/^\/functions\/v1\/(stripe|paypal)-webhook|health/.test(path),
    ),
  )("may read the answer to %s", async (_, { method, path }) => {
    const answer = await fetch(`${stack.API_URL}${path}`, {
      method,
      headers: {
        origin: page,
        apikey: stack.PUBLISHABLE_KEY,
        authorization: `Bearer ${stack.PUBLISHABLE_KEY}`,
        "content-type": "application/json",
      },
      ...(method === "GET" || method === "HEAD" ? {} : { body: "{}" }),
    });
    await answer.body?.cancel();
    expect(answer.headers.get("access-control-allow-origin")).toBe(page);
    expect(words(answer.headers.get("access-control-expose-headers"))).toEqual(
      expect.arrayContaining(["x-request-id", "retry-after"]),
    );
  });

  it("may read how many rows there are", async () => {
    const answer = await fetch(`${stack.API_URL}/rest/v1/plans?select=plan_type`, {
      headers: { origin: page, apikey: stack.PUBLISHABLE_KEY, prefer: "count=exact" },
    });
    expect(answer.headers.get("content-range")).toMatch(/^0-\d+\/\d+$/);
    expect(words(answer.headers.get("access-control-expose-headers"))).toContain("content-range");
  });

  it.each([
    "http://localhost",
    "http://localhost:1",
    "http://127.0.0.1:65535",
    "https://localhost:8443",
  ])("may call functions from %s", async (origin) => {
    expect(await preflight("redeem-coupon", origin)).toEqual({ status: 204, origin });
  });
});

describe("a page of another origin", () => {
  it.each([
    "https://evil.test",
    "http://localhost.evil.test:5173",
    "http://127.0.0.2:5173",
    "null",
  ])("may call no function from %s", async (origin) => {
    expect(await preflight("redeem-coupon", origin)).toEqual({ status: 403, origin: null });
    const answer = await fetch(`${stack.FUNCTIONS_URL}/redeem-coupon`, {
      method: "POST",
      headers: { origin, apikey: stack.PUBLISHABLE_KEY },
    });
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  });

  it("may use the Data API, as on hosted", async () => {
    const answer = await fetch(`${stack.API_URL}/rest/v1/rpc/fork_strategy`, {
      method: "OPTIONS",
      headers: { origin: "https://app.example", "access-control-request-method": "POST" },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers.get("access-control-allow-origin")).toBe("https://app.example");
  });
});

async function preflight(name: string, origin: string) {
  const { status, headers } = await fetch(`${stack.FUNCTIONS_URL}/${name}`, {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST" },
  });
  return { status, origin: headers.get("access-control-allow-origin") };
}
