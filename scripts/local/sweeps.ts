import { setTimeout as sleep } from "node:timers/promises";
import { sweepAll } from "../lib/sweep.ts";
import { withConnection } from "./connection.ts";

/** The interval of the job that pg_cron runs in production: supabase/schemas/sweep/data/sweep_schedule.sql. */
const everyMinute = 60_000;

/**
 * Runs the sweep on a database now and then every minute, because the local Postgres has no pg_cron. A run that fails
 * is logged in one line; the next one tries again.
 *
 * @param databaseUrl as the role postgres
 * @param interval milliseconds between two runs
 * @returns stops it, after the run that is under way
 */
export function startSweeps(
  databaseUrl: string,
  log: (line: string) => void,
  interval = everyMinute,
): () => Promise<void> {
  const stopping = new AbortController();
  const repeat = async () => {
    while (!stopping.signal.aborted) {
      await sweep(databaseUrl).catch((error: unknown) => {
        log(`The sweep failed: ${error instanceof Error ? error.message : String(error)}`);
      });
      await sleep(interval, null, { signal: stopping.signal }).catch(() => {});
    }
  };
  const ended = repeat();
  return async () => {
    stopping.abort();
    await ended;
  };
}

async function sweep(databaseUrl: string): Promise<void> {
  await withConnection(databaseUrl, async (sql) => {
    // An app's own project may not have the migrations yet.
    const [found] = await sql`select to_regprocedure('public.sweep()') is not null as installed`;
    if (!found?.installed) return;
    await sql`set role service_role`;
    for await (const _ of sweepAll(sql)) {
      // The numbers of a run are not needed here.
    }
  });
}
