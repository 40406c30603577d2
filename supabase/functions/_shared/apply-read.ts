import { z } from "zod";
import { type Failure, isFailure } from "./failure.ts";
import { callRpc, type RpcClient } from "./rpc.ts";
import type { Snapshot } from "./snapshot.ts";

/**
 * Reads from a provider and writes what it says, as a webhook would: the number is drawn before the read, so an
 * event that is read later wins, and one that was read earlier loses.
 *
 * @throws what the read throws
 */
export async function applyRead(
  service: RpcClient,
  read: () => Promise<readonly Snapshot[]>,
): Promise<true | Failure> {
  const number = await callRpc(service, "next_read_number", {}, z.string());
  if (isFailure(number)) return number;
  for (const snapshot of await read()) {
    const args = { snapshot, read_number: number };
    const applied = await callRpc(service, "apply_read", args, z.object({ outcome: z.string() }));
    if (isFailure(applied)) return applied;
  }
  return true;
}
