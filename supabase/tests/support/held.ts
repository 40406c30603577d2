import type postgres from "postgres";
import { asOperator, type Person } from "./clients.ts";

/** Makes a transaction act as somebody, the way the Data API does. */
export async function actAs(transaction: postgres.TransactionSql, person: Person): Promise<void> {
  const claims = JSON.stringify({ sub: person.id, role: "authenticated" });
  await transaction`select set_config('request.jwt.claims', ${claims}, true), set_config('role', 'authenticated', true)`;
}

export async function pidOf(sql: postgres.Sql): Promise<number> {
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  return row?.pid ?? 0;
}

/** Resolves once this work of that connection waits for a lock, or is done without. */
export async function untilHeld(pid: number, work: Promise<unknown>): Promise<void> {
  let isDone = false;
  const done = () => {
    isDone = true;
  };
  work.then(done, done);
  await asOperator(async (sql) => {
    while (!isDone) {
      const [row] = await sql`
        select wait_event_type = 'Lock' as waits from pg_stat_activity where pid = ${pid}
      `;
      if (row?.waits) return;
    }
  });
}
