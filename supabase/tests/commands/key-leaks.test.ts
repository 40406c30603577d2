import { randomBytes, randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import postgres from "postgres";
import { afterAll, beforeAll, expect, it } from "vitest";
import { newClient } from "../support/clients.ts";
import { type ScratchFolder, scratchFolder } from "../support/commands.ts";
import { withConnection } from "../support/database.ts";
import { type Stack, startStack } from "../support/local-stack.ts";
import { startModelProvider } from "../support/model-provider.ts";

/**
 * The plaintext of a stored key is in no table, log or file, even on a stack whose Postgres logs every statement with its
 * parameters and keeps statistics of all.
 */

const apiKey = `sk-${randomBytes(24).toString("hex")}`;
let scratch: ScratchFolder;
let stack: Stack;
let admin: postgres.Sql;

beforeAll(async () => {
  scratch = await scratchFolder();
  stack = await start();
  await withAdmin(async (sql) => {
    for (const [setting, value] of [
      ["log_statement", "all"],
      ["log_min_duration_statement", "0"],
      ["log_parameter_max_length", "-1"],
      ["log_parameter_max_length_on_error", "-1"],
      ["shared_preload_libraries", "pg_stat_statements"],
    ]) {
      await sql.unsafe(`alter system set ${setting} = '${value}'`);
    }
  });
  await stack.stop();
  stack = await start();
  await withAdmin(async (sql) => {
    await sql`create extension pg_stat_statements schema extensions`;
    await sql`alter system set pg_stat_statements.track = 'all'`;
    await sql`select pg_reload_conf()`;
  });
  // The statements that search for the key are not logged.
  const quiet = { log_statement: "none", log_min_duration_statement: -1 };
  admin = postgres(stack.adminUrl(), { max: 1, onnotice: () => {}, connection: quiet });
});

afterAll(async () => {
  await admin?.end();
  await stack?.stop();
  await scratch?.remove();
});

it("storing, replacing, reading, using and failing to store a key leaves its plaintext nowhere", async () => {
  const { API_URL, PUBLISHABLE_KEY } = stack.status;
  const client = newClient(API_URL, PUBLISHABLE_KEY);
  const password = randomBytes(18).toString("base64url");
  const signUp = await client.auth.signUp({ email: `${randomUUID()}@leaks.test`, password });
  expect(signUp.error).toBeNull();

  for (const attempt of [1, 2]) {
    const stored = await client.rpc("store_api_key", { provider: "openai", api_key: apiKey });
    expect(stored.error, `attempt ${attempt}`).toBeNull();
    expect(JSON.stringify(stored.data)).not.toContain(apiKey);
  }
  // Refused for the provider's name, and for the key's length.
  const refused = await client.rpc("store_api_key", { provider: "open ai", api_key: apiKey });
  expect(refused.error?.details).toBe("invalid_argument");
  const tooLong = `${apiKey} ${apiKey}`;
  const second = await client.rpc("store_api_key", { provider: "openai", api_key: tooLong });
  expect(second.error?.details).toBe("invalid_argument");
  expect(JSON.stringify([refused.error, second.error])).not.toContain(apiKey);

  const read = await client.functions.invoke("decrypt-api-key", { body: { provider: "openai" } });
  expect(read.data).toEqual({ provider: "openai", api_key: apiKey });

  // The provider repeats the key in headers and body, of successful answers and of errors.
  const provider = await startModelProvider();
  await withAdmin(
    (sql) =>
      sql`update private.llm_providers set base_url = ${provider.url} where provider = 'openai'`,
  );
  const { data: auth } = await client.auth.getSession();
  for (const status of [200, 400, 401, 500]) {
    provider.behave(({ headers }, response) => {
      response.writeHead(status, {
        "x-echo": String(headers.authorization),
        "content-type": "text/event-stream",
      });
      for (const letter of `data: ${headers.authorization}\n\n`) response.write(letter);
      response.end();
    });
    const url = `${stack.status.FUNCTIONS_URL}/llm-proxy/openai/v1/chat/completions`;
    const authorization = `Bearer ${auth.session?.access_token}`;
    const answer = await fetch(url, { method: "POST", body: "{}", headers: { authorization } });
    const seen = JSON.stringify([...answer.headers]) + (await answer.text());
    expect([answer.status, seen.includes("[key removed]"), seen.includes(apiKey)]).toEqual([
      status,
      true,
      false,
    ]);
    expect(provider.requests.at(-1)?.headers.authorization).toBe(`Bearer ${apiKey}`);
    const checked = await client.functions.invoke("store-api-key", {
      body: { provider: "openai", api_key: apiKey },
    });
    expect(JSON.stringify([checked.data, checked.error])).not.toContain(apiKey);
  }
  await provider.close();

  const logged = await readFile(join(scratch.path, "stack", "postgres.log"), "utf8");
  expect(logged).toContain("store_api_key");
  const statistics = await admin<{ query: string }[]>`
    select query from extensions.pg_stat_statements where query ~ 'encrypt_iv|store_api_key'
  `;
  expect(statistics.length).toBeGreaterThan(0);

  expect(await tablesWith(apiKey)).toEqual([]);
  // In these files are all logs, the write-ahead log and the tables.
  await admin`checkpoint`;
  expect(await filesWith(apiKey, scratch.path)).toEqual([]);
  // A plaintext that is in a log would be found.
  await withAdmin((sql) => sql`select ${apiKey}::text`);
  expect(await filesWith(apiKey, scratch.path)).not.toEqual([]);
});

function start(): Promise<Stack> {
  return startStack({
    dir: join(scratch.path, "stack"),
    apiPort: 0,
    dbPort: 0,
    defaultPrivileges: "granted",
    environment: {},
    onProgress: () => {},
  });
}

async function withAdmin(work: (sql: postgres.Sql) => PromiseLike<unknown>): Promise<void> {
  await withConnection(stack.adminUrl(), async (sql) => void (await work(sql)));
}

/** The tables and views outside Vault that have a row with the text, statistics included. */
async function tablesWith(text: string): Promise<string[]> {
  const tables = await admin<{ name: string }[]>`
    select c.oid::regclass::text as name
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'm', 'v')
      and n.nspname not in ('vault', 'pg_catalog', 'information_schema', 'pg_toast')
    order by 1
  `;
  expect(tables.map(({ name }) => name)).toContain("api_keys");
  const found: string[] = [];
  for (const { name } of tables) {
    const [row] = await admin.unsafe(
      `select exists (select from ${name} as t where strpos(t::text, $1) > 0) as found`,
      [text],
    );
    if (row?.found) found.push(name);
  }
  return found;
}

async function filesWith(text: string, folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path).catch(() => Buffer.alloc(0));
    if (bytes.includes(text)) found.push(path);
  }
  return found;
}
