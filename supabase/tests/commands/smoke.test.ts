import { createServer } from "node:http";
import { describe, expect, it } from "vitest";
import { runCommand } from "../support/commands.ts";
import { readCatalog } from "../support/references.ts";
import { listen } from "../support/server.ts";
import { checksOf, rpcs, tables } from "../support/smoke.ts";
import { stack } from "../support/stack.ts";

/** Runs a piece of work against a server that gives every request the same answer. */
async function withServer<T>(status: number, body: string, work: (url: string) => Promise<T>) {
  const server = createServer((_, response) => {
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  });
  const { url, close } = await listen(server);
  try {
    return await work(url);
  } finally {
    await close();
  }
}

async function failures(url: string, functions = {}): Promise<string[]> {
  const checks = checksOf({ url, key: "sb_publishable_test", functions });
  const findings = await Promise.all(
    checks.map(async ({ name, run }) => ({ name, finding: await run() })),
  );
  return findings.flatMap(({ name, finding }) => (typeof finding === "string" ? [name] : []));
}

describe("npm run smoke", () => {
  it("finds no fault in a stack that has every migration and function", async () => {
    const { code, output } = await runCommand([
      "smoke",
      ...["--url", stack.API_URL, "--key", stack.PUBLISHABLE_KEY],
    ]);
    expect(output).not.toContain("FAILED");
    // A stack without an account at PayPal is no fault.
    expect(output).toContain("skipped function paypal-webhook: 400 to a bad signature");
    expect(output).toMatch(/\n\d\d+ ok, \d skipped, 0 failed\n$/);
    expect(code).toBe(0);
  });

  it("finds the faults of a project that refuses nobody", async () => {
    const found = await withServer(200, "[]", (url) =>
      failures(url, { "stripe-webhook": { verify_jwt: false }, chat: { verify_jwt: true } }),
    );
    expect(found).toContain("table users: a visitor is refused");
    expect(found).toContain("rpc grant_credits: a visitor is refused");
    expect(found).toContain("schema private: not exposed");
    expect(found).toContain("function stripe-webhook: 400 to a bad signature");
    expect(found).toContain("function chat: asks for a token");
    expect(found).toContain("function chat: a visitor is refused");
  });

  it("finds the faults of a project without the migrations and the functions", async () => {
    const missing = JSON.stringify({ code: "PGRST205", message: "not found" });
    const found = await withServer(404, missing, (url) =>
      failures(url, { health: { verify_jwt: false }, chat: { verify_jwt: false } }),
    );
    const total = Object.keys(tables).length + Object.keys(rpcs).length;
    expect(found.filter((name) => /^(table|rpc) /.test(name)).length).toBe(total);
    expect(found).toContain("function health: the database answers");
    expect(found).toContain("function chat: is called without a token");
  });

  it("reports a server that does not answer, without a stack trace", async () => {
    const url = await withServer(200, "", async (gone) => gone);
    const { code, output } = await runCommand(["smoke", "--url", url, "--key", "sb_publishable_x"]);
    expect(output).toMatch(/no answer: .*ECONNREFUSED/);
    expect(output).not.toMatch(/^\s+at /m);
    expect(code).toBe(1);
  });

  it.each([
    ["without a URL", ["--key", "sb_publishable_x"], "URL"],
    ["without a key", ["--url", "https://x.supabase.co"], "key"],
    [
      "with the secret key",
      ["--url", "https://x.supabase.co", "--key", "sb_secret_x"],
      "secret key",
    ],
    [
      "with an older secret key",
      ["--url", "https://x.supabase.co", "--key", stack.SERVICE_ROLE_KEY],
      "secret key",
    ],
  ])("sends no request %s", async (_, args, complaint) => {
    const { code, output } = await runCommand(["smoke", ...args]);
    expect(output).toMatch(new RegExp(`^error: .*${complaint}`));
    expect(code).toBe(1);
  });
});

/** "*" for all columns, the columns that are granted by name, or null for none. */
function readableColumns(grants: readonly { columns: readonly string[] | null }[]) {
  const [grant] = grants;
  return grant === undefined ? null : (grant.columns ?? "*");
}

describe("what the smoke test expects", () => {
  it("is exactly what the database grants to visitors", async () => {
    const catalog = await readCatalog(stack.DB_URL);
    const exposed = catalog.tables.filter(({ schema }) => schema === "public");
    const readable = exposed.map(({ name, grants }) => [
      name,
      readableColumns(
        grants.filter((grant) => grant.role === "anon" && grant.privilege === "select"),
      ),
    ]);
    expect(tables).toEqual(Object.fromEntries(readable));
  });

  it("contains each RPC that is not internal, with the arguments that it requires", async () => {
    const { functions } = await readCatalog(stack.DB_URL);
    const callable = functions.filter(
      ({ schema, comment }) => schema === "public" && !comment?.startsWith("Internal"),
    );
    const expected = callable.map((one) => [
      one.name,
      {
        required: one.arguments
          .filter((argument) => argument.default === null)
          .map(({ name }) => name),
        visitor: one.roles.includes("anon") ? "may call" : "refused",
      },
    ]);
    expect(rpcs).toEqual(Object.fromEntries(expected));
  });
});
