import { randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import postgres from "postgres";
import { afterAll, beforeAll, expect, it } from "vitest";
import { asOperator, type Person, signUp, tokenOf } from "../support/clients.ts";
import { type KeyedFunctions, startKeyedFunctions } from "../support/keyed-functions.ts";
import {
  type Behaviour,
  type ModelProvider,
  startModelProvider,
} from "../support/model-provider.ts";
import { stack } from "../support/stack.ts";

/**
 * Searches for two keys, a user's and the operator's, in everything that calls through llm-proxy leave behind: answers,
 * headers, errors, logs and tables. PINEBASE_RUNS sets the number of calls.
 */

const calls = Number(process.env.PINEBASE_RUNS ?? 120);
const suffix = randomUUID().slice(0, 8);
const name = `searched-${suffix}`;
const ownKey = `sk-own-${randomUUID()}`;
const operatorKey = `sk-operator-${randomUUID()}`;
/** A text that is sent to all places where a key could end up. Finding it there shows that the search works. */
const marker = `marker-${randomUUID()}`;

let provider: ModelProvider;
let keyed: KeyedFunctions;
let owner: Person;
let guest: Person;

beforeAll(async () => {
  provider = await startModelProvider();
  await asOperator(
    (sql) => sql`
      insert into private.llm_providers (provider, name, base_url, auth_header, auth_scheme, check_path, credits_per_call)
      values (${name}, ${marker}, ${provider.url}, 'authorization', 'Bearer', '/v1/models', 1)
    `,
  );
  keyed = await startKeyedFunctions({
    LLM_ALLOW_LOOPBACK: "true",
    [`LLM_KEY_${name.toUpperCase().replaceAll("-", "_")}`]: operatorKey,
  });
  [owner, guest] = [await signUp("owner"), await signUp("guest")];
  await owner.client.rpc("store_api_key", { provider: name, api_key: ownKey });
});

afterAll(async () => {
  await asOperator((sql) => sql`delete from private.llm_providers where provider = ${name}`);
  await keyed?.stop();
  await provider?.close();
});

const keyOf = (authorization = "") => authorization.replace("Bearer ", "");

/** Answers that a provider may give, most of them with the key that it received. */
const behaviours: readonly Behaviour[] = [
  (_, response) => response.writeHead(200).end(JSON.stringify({ text: marker })),
  ({ headers }, response) =>
    response.writeHead(401).end(`Incorrect API key provided: ${keyOf(headers.authorization)}.`),
  ({ headers }, response) =>
    response.writeHead(400, { "x-your-key": headers.authorization }).end("{}"),
  ({ headers }, response) => response.writeHead(500).end(JSON.stringify(headers)),
  ({ headers }, response) =>
    response
      .writeHead(302, { location: `${provider.url}/?key=${keyOf(headers.authorization)}` })
      .end(),
  ({ headers }, response) => {
    // The key in two pieces of a stream.
    const key = keyOf(headers.authorization);
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`data: ${key.slice(0, 9)}`);
    setTimeout(() => response.end(`${key.slice(9)}\n\n`), 5);
  },
  ({ headers }, response) => {
    response.writeHead(200);
    response.write(keyOf(headers.authorization).slice(0, 9));
    setTimeout(() => response.destroy(), 5);
  },
  (_, response) => response.destroy(),
];

it(`the keys are in no answer, header, error, log or table after ${calls} calls`, async () => {
  const seen: string[] = [];
  const collect = async (response: Response) => {
    const body = await response.text().catch((error: unknown) => String(error));
    seen.push(`${response.status} ${JSON.stringify([...response.headers])} ${body}`);
  };
  const tokens = [await tokenOf(owner), await tokenOf(guest), "not-a-session"];
  const paths = ["/v1/chat/completions", `/v1/models?${marker}`, "/../../v1/keys", "//elsewhere"];

  for (let call = 0; call < calls; call += 1) {
    if (call % 20 === 0) {
      await asOperator((sql) => sql`delete from private.attempts`);
      await asOperator(
        (sql) =>
          sql`select public.grant_credits(${guest.id}::uuid, 20, ${marker}, ${randomUUID()})`,
      );
    }
    provider.behave(behaviours[call % behaviours.length] ?? null);
    const path = paths[call % 3 === 2 ? (call >> 2) % paths.length : 0];
    // Of ten calls, six are the owner's, three the guest's, and one has no valid session.
    const token = tokens[call % 10 < 6 ? 0 : call % 10 < 9 ? 1 : 2] ?? "";
    await fetch(`${keyed.url}/llm-proxy/${name}${path}`, {
      method: call % 7 === 0 ? "GET" : "POST",
      ...(call % 7 === 0 ? {} : { body: JSON.stringify({ stream: call % 2 === 0, text: marker }) }),
      headers: { authorization: `Bearer ${token}`, "x-request-note": marker },
    }).then(collect, (error: unknown) => seen.push(String(error)));
  }
  // Both keys were used, and the search finds a key that a function returns to its owner.
  const sent = new Set(provider.requests.map(({ headers }) => keyOf(headers.authorization)));
  expect([...sent].sort()).toEqual([operatorKey, ownKey].sort());
  const handedOut = await fetch(`${keyed.url}/decrypt-api-key`, {
    method: "POST",
    body: JSON.stringify({ provider: name }),
    headers: { authorization: `Bearer ${tokens[0]}`, "content-type": "application/json" },
  });
  expect(hits([await handedOut.text()], ownKey)).toBe(1);

  const places = { answers: seen, logs: await logs(), tables: await tables() };
  for (const [place, texts] of Object.entries(places)) {
    const found = [ownKey, operatorKey].map((key) => hits(texts, key));
    expect({ place, found }).toEqual({ place, found: [0, 0] });
  }
  expect(hits(places.answers, marker)).toBeGreaterThan(calls / 20);
  expect(hits(places.tables, marker)).toBeGreaterThan(0);
  expect(hits(places.logs, owner.id)).toBeGreaterThan(calls / 4);
}, 600_000);

/** How many texts contain a key: as it is, encoded, or without its first characters. */
function hits(texts: readonly string[], key: string): number {
  const bytes = Buffer.from(key);
  const forms = [
    key,
    key.slice(9),
    bytes.toString("hex"),
    bytes.toString("base64url").slice(0, -1),
    encodeURIComponent(key),
  ];
  return texts.filter((text) => forms.some((form) => text.includes(form))).length;
}

/** The lines of all logs of the stack and of the functions that were called. */
async function logs(): Promise<string[]> {
  const folders = [dirname(process.env.PINEBASE_STATUS ?? ""), keyed.dir];
  const lines = await Promise.all(
    folders.map(async (folder) => {
      const files = (await readdir(folder)).filter((file) => file.endsWith(".log"));
      return Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
    }),
  );
  return lines.flat().flatMap((text) => text.split("\n"));
}

/** Every row of every table, as text. */
async function tables(): Promise<string[]> {
  const sql = postgres(stack.ADMIN_DB_URL ?? stack.DB_URL, { max: 1, onnotice: () => {} });
  try {
    const found = await sql<{ name: string }[]>`
      select format('%I.%I', n.nspname, c.relname) as name
      from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
      where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')
    `;
    const rows: string[] = [];
    for (const table of found) {
      const texts = await sql.unsafe<{ row: string }[]>(
        `select t::text as row from ${table.name} as t`,
      );
      rows.push(...texts.map(({ row }) => row));
    }
    return rows;
  } finally {
    await sql.end();
  }
}
