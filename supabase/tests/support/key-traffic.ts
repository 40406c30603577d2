import { randomInt, randomUUID } from "node:crypto";
import postgres from "postgres";

/*
 * Users who store and read their keys while the secret is rotated, the way the Data API does it: one
 * transaction a call, under the caller's role and claims.
 */

/** Users with their keys, and what each of those is now. */
export interface KeyHolders {
  userIds: string[];
  providers: string[];
  /** By user id and provider. */
  expected: Map<string, string>;
}

/** What the traffic has done. */
export interface Traffic {
  reads: number;
  stores: number;
  /** Reads that gave anything but the right key. */
  wrong: string[];
}

/** Signs up users without Auth and stores keys for all of them under the present secret. */
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

/** One client that reads, and stores now and then, for its own share of the users until it is told to stop. */
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

/** The key that `get_decrypted_api_key` gives, or the code of its error. */
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

/** Makes a transaction that of a request: its role and the claims of its token. */
export async function actAs(
  tx: postgres.TransactionSql,
  claims: { role: string; sub?: string },
): Promise<void> {
  await tx`
    select
      set_config('role', ${claims.role}, true),
      set_config('request.jwt.claims', ${JSON.stringify(claims)}, true)
  `;
}
