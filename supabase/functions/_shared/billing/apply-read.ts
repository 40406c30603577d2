import { z } from "zod";
import { type Failure, isFailure } from "../http/failure.ts";
import { callRpc, type RpcClient } from "../supabase/rpc.ts";
import type { Providers } from "./provider.ts";
import type { Purchase, Snapshot } from "./snapshot.ts";

/** What the database wants done at a provider: it cannot ask there itself. */
export const tasksSchema = z.array(
  z.object({
    id: z.coerce.string(),
    provider: z.enum(["stripe", "paypal"]),
    subscription_id: z.string(),
    action: z.enum(["cancel", "activate", "email"]),
    /** With `email`: the customer stands in the place of the subscription, and this is their address now. */
    email: z.string().nullish(),
  }),
);

export type Tasks = z.output<typeof tasksSchema>;

const appliedSchema = z.object({
  results: z.array(
    z.object({
      subscription: z.string(),
      outcome: z.string(),
      reason: z.string().nullish(),
    }),
  ),
  tasks: tasksSchema,
});

/** A subscription that could not be placed, and why. */
export interface Parked {
  subscription: string;
  reason: string;
}

/**
 * Reads from a provider and writes what it says, as a webhook would: the number is drawn before the read, so an
 * event that is read later wins, and one that was read earlier loses. Gives what parked.
 *
 * @param providers those at which the database may have something done because of this
 * @throws what the read throws
 */
export async function applyRead(
  service: RpcClient,
  providers: Providers,
  read: () => Promise<{ snapshots: readonly Snapshot[]; purchases: readonly Purchase[] }>,
): Promise<Parked[] | Failure> {
  const number = await callRpc(service, "next_read_number", {}, z.string());
  if (isFailure(number)) return number;
  const { snapshots, purchases } = await read();
  if (snapshots.length === 0 && purchases.length === 0) return [];
  const args = { snapshots, purchases, read_number: number };
  const applied = await callRpc(service, "apply_read", args, appliedSchema);
  if (isFailure(applied)) return applied;
  await runTasks(service, providers, applied.tasks);
  return applied.results
    .filter(({ outcome }) => outcome === "parked")
    .map(({ subscription, reason }) => ({ subscription, reason: reason ?? "" }));
}

/**
 * Does what the database has asked for, and reads each subscription again. What fails is counted and stays for the
 * next call; gives how many failed.
 */
export async function runTasks(
  service: RpcClient,
  providers: Providers,
  tasks: Tasks,
): Promise<number> {
  let failed = 0;
  for (const { id, provider: name, subscription_id, action, email } of tasks) {
    const provider = providers[name];
    let error: string | null = provider ? null : `${name} is not set up`;
    try {
      if (action !== "email") await provider?.[action](subscription_id);
      // Of an account that is gone nobody has to know an address.
      else if (email) await provider?.setEmail(subscription_id, email);
    } catch (cause) {
      error = cause instanceof Error ? cause.name : "unknown";
    }
    if (error !== null) failed += 1;
    await callRpc(service, "finish_provider_task", { id, error }, z.unknown());
    if (error !== null || provider === undefined || action === "email") continue;
    // What this asks for in turn waits for the next call: a task never leads to another without end.
    await applyRead(service, {}, async () => ({
      snapshots: [await provider.read(subscription_id)],
      purchases: [],
    })).catch(() => {});
  }
  return failed;
}

/** Does what earlier calls have left undone. */
export async function runOpenTasks(service: RpcClient, providers: Providers): Promise<number> {
  const tasks = await callRpc(service, "open_provider_tasks", {}, tasksSchema);
  return isFailure(tasks) ? 0 : await runTasks(service, providers, tasks);
}
