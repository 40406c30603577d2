import type postgres from "postgres";

/** The claims of a token that a transaction acts with. */
export interface Claims {
  role: "anon" | "authenticated" | "service_role";
  sub?: string;
  email?: string;
}

/** Sets the role and the claims of a transaction, as PostgREST does for a request. */
export async function actAs(tx: postgres.TransactionSql, claims: Claims): Promise<void> {
  await tx`
    select
      set_config('role', ${claims.role}, true),
      set_config('request.jwt.claims', ${JSON.stringify(claims)}, true)
  `;
}

/** The claims of a signed-in user. */
export function userClaims({ id, email }: { id: string; email?: string }): Claims {
  return { role: "authenticated", sub: id, ...(email ? { email } : {}) };
}

/** The id of the server process that serves a client of one connection. */
export async function pidOf(sql: postgres.Sql): Promise<number> {
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  return row?.pid ?? 0;
}

/**
 * Resolves as soon as a server process waits for a lock, or `work`, which it runs, has ended without waiting. So a test of
 * two transactions needs no sleep, and does not hang when the lock is missing.
 *
 * @param observer a third connection, which is free
 */
export async function untilBlocked(
  observer: postgres.Sql,
  pid: number,
  work: Promise<unknown>,
): Promise<void> {
  let isDone = false;
  const done = () => {
    isDone = true;
  };
  work.then(done, done);
  while (!isDone) {
    const [row] = await observer`
      select wait_event_type = 'Lock' as waits from pg_stat_activity where pid = ${pid}
    `;
    if (row?.waits) return;
  }
}
