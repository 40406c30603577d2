import { randomInt, randomUUID } from "node:crypto";
import postgres from "postgres";
import { actAs } from "./transactions.ts";

/*
 * Users who store and read their keys while the secret is rotated. Each call is one transaction with the caller's role and
 * claims, as the Data API makes it.
 */

/** Users with their keys, and the present value of each key. */
export interface KeyHolders {
  userIds: string[];
  providers: string[];
  /** By user id and provider. */
  expected: Map<string, string>;
}

/** What one client has done. */
export interface Traffic {
  reads: number;
  stores: number;
  /** Results of reads that were not the right key. */
  wrong: string[];
}

/** Creates users by SQL, and stores keys for all of them under the present secret. */
export async function makeKeyHolders(
  sql: postgres.Sql,
  users: number,
  keysEach: number,
): Promise<KeyHolders> {
  const userIds = Array.from({ length: users }, () => randomUUID());
  const providers = Array.from({ length: keysEach }, (_, n) => `provider_${n}`);
  await sql`
    insert into auth.users (id, aud, role, email)
    select id, 'authenticated', 'authenticated', id || '@traffic.test'
    from unnest(${userIds}::uuid[]) as id
  `;
  await sql`
    with secret as materialized (
      select v, private.api_key_secret(v) as s
      from private.current_api_key_secret_version() as v
    )
    insert into public.api_keys (user_id, provider, key_encrypted, key_hint, secret_version)
    select u, p, private.seal('sk-' || u || p, s, private.api_key_context(u, p, v)), right(p, 4), v
    from secret, unnest(${userIds}::uuid[]) as u, unnest(${providers}::text[]) as p
  `;
  const expected = new Map(
    userIds.flatMap((id) => providers.map((p) => [`${id} ${p}`, `sk-${id}${p}`] as const)),
  );
  return { userIds, providers, expected };
}

/** A client that reads the keys of its share of the users, and sometimes stores a new one, until the signal stops it. */
export async function runClient(
  url: string,
  holders: KeyHolders,
  share: { index: number; of: number },
  signal: AbortSignal,
): Promise<Traffic> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  const mine = holders.userIds.filter((_, n) => n % share.of === share.index);
  const traffic: Traffic = { reads: 0, stores: 0, wrong: [] };
  try {
    while (!signal.aborted) {
      const userId = mine[randomInt(mine.length)] ?? "";
      const provider = holders.providers[randomInt(holders.providers.length)] ?? "";
      const key = `${userId} ${provider}`;
      if (randomInt(4) === 0) {
        const value = `sk-${randomUUID()}`;
        await store(sql, userId, provider, value);
        holders.expected.set(key, value);
        traffic.stores++;
      } else {
        const read = await readKey(sql, userId, provider);
        traffic.reads++;
        if (read !== holders.expected.get(key)) traffic.wrong.push(read);
      }
    }
  } finally {
    await sql.end();
  }
  return traffic;
}

/** `store_api_key` as a signed-in user. */
export async function store(
  sql: postgres.Sql,
  userId: string,
  provider: string,
  apiKey: string,
): Promise<void> {
  await sql.begin(async (tx) => {
    await actAs(tx, { role: "authenticated", sub: userId });
    await tx`select public.store_api_key(${provider}, ${apiKey})`;
  });
}

/** The key that `get_decrypted_api_key` returns, or the code of its error. */
export async function readKey(
  sql: postgres.Sql,
  userId: string,
  provider: string,
): Promise<string> {
  return sql.begin(async (tx) => {
    await actAs(tx, { role: "service_role" });
    const [row] = await tx<{ answer: { api_key?: string; error?: { code: string } } }[]>`
      select public.get_decrypted_api_key(${userId}, ${provider}) as answer
    `;
    return row?.answer.api_key ?? row?.answer.error?.code ?? "nothing";
  });
}
