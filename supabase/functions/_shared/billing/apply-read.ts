import { z } from "zod";
import { type Failure, isFailure } from "../http/failure.ts";
import { callRpc, type RpcClient } from "../supabase/rpc.ts";
import type { Providers } from "./provider.ts";
import type { Purchase, Snapshot } from "./snapshot.ts";

/** Calls of a provider that the database requests, because it cannot make them itself. */
export const tasksSchema = z.array(
  z.object({
    id: z.coerce.string(),
    provider: z.enum(["stripe", "paypal"]),
    subscription_id: z.string(),
    action: z.enum(["cancel", "activate", "email"]),
    /** The new address for the action `email`, for which `subscription_id` is the id of a customer. */
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

/** A subscription that cannot be applied yet, and why. */
export interface Parked {
  subscription: string;
  reason: string;
}

/**
 * Reads from a provider and applies the result, as a webhook does. The read number is drawn before the read, so that a
 * later read overwrites this one and an earlier read does not.
 *
 * @param providers the providers for which tasks of the database are run afterwards
 * @returns what was parked
 * @throws what `read` throws
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
 * Runs the tasks that the database requests, and reads each subscription again. A task that fails stays for the next
 * call.
 *
 * @returns the number of tasks that failed
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
      // A deleted account has no address.
      else if (email) await provider?.setEmail(subscription_id, email);
    } catch (cause) {
      error = cause instanceof Error ? cause.name : "unknown";
    }
    if (error !== null) failed += 1;
    await callRpc(service, "finish_provider_task", { id, error }, z.unknown());
    if (error !== null || provider === undefined || action === "email") continue;
    // Tasks that this read requests wait for the next call, so that tasks cannot cause each other without end.
    await applyRead(service, {}, async () => ({
      snapshots: [await provider.read(subscription_id)],
      purchases: [],
    })).catch(() => {});
  }
  return failed;
}

/** Runs the tasks that earlier calls have left open. */
export async function runOpenTasks(service: RpcClient, providers: Providers): Promise<number> {
  const tasks = await callRpc(service, "open_provider_tasks", {}, tasksSchema);
  return isFailure(tasks) ? 0 : await runTasks(service, providers, tasks);
}
