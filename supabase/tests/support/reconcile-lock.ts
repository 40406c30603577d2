import postgres from "postgres";
import { stack } from "./stack.ts";

/*
 * Each test file has a Stripe of its own, and all share one database. A reconciliation reads every subscription of the
 * database at its own Stripe, which does not have those of the others and so ends them, as it should.
 */

/** Reconciles, while no test runs whose subscriptions must go on. */
export const reconciling = <T>(work: () => Promise<T>) => withLock("pg_advisory_lock", work);

/** Runs a test that needs its subscriptions to go on, while nobody reconciles. */
export const besideNoReconcile = <T>(work: () => Promise<T>) =>
  withLock("pg_advisory_lock_shared", work);

async function withLock<T>(lock: string, work: () => Promise<T>): Promise<T> {
  const sql = postgres(stack.DB_URL, { max: 1, onnotice: () => {} });
  try {
    await sql.unsafe(`select ${lock}(hashtext('tests that reconcile'))`);
    return await work();
  } finally {
    // With its session the lock ends.
    await sql.end();
  }
}
