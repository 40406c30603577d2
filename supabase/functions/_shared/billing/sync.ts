import { z } from "zod";
import { type Failure, isFailure } from "../http/failure.ts";
import { callRpc, type RpcClient } from "../supabase/rpc.ts";
import { type BillingAccount, knownCustomer } from "./account.ts";
import { applyRead, type Parked } from "./apply-read.ts";
import type { Provider, Providers, SessionState } from "./provider.ts";
import { upstreamFailure } from "./upstream.ts";

/** Ends a checkout in the database. Its coupon is spent, released, or, with null, stays reserved. */
export async function endCheckout(
  service: RpcClient,
  userId: string,
  sessionId: string,
  completed: boolean | null,
): Promise<unknown> {
  const args = { user_id: userId, session_id: sessionId, completed };
  return await callRpc(service, "end_checkout", args, z.unknown());
}

/** Applies the final state of a session: ends the checkout, and applies what was bought. */
export async function applyClosedSession(
  service: RpcClient,
  providers: Providers,
  userId: string,
  sessionId: string,
  state: SessionState & { isOpen: false },
): Promise<Parked[] | Failure> {
  await endCheckout(service, userId, sessionId, state.completed);
  return await applyRead(service, providers, () => Promise.resolve(state));
}

/** Reads and applies everything that the providers have of a user. Returns what was parked. */
export async function syncUser(
  service: RpcClient,
  providers: Providers,
  userId: string,
  billing: BillingAccount,
): Promise<Parked[] | Failure> {
  const parked: Parked[] = [];
  for (const provider of Object.values(providers)) {
    const result = await syncAt(service, provider, providers, userId, billing);
    if (isFailure(result)) return result;
    parked.push(...result);
  }
  return parked;
}

async function syncAt(
  service: RpcClient,
  provider: Provider,
  providers: Providers,
  userId: string,
  billing: BillingAccount,
): Promise<Parked[] | Failure> {
  const { checkout } = billing;
  try {
    if (checkout?.provider === provider.name) {
      const state = await provider.session(checkout.session_id);
      if (!state.isOpen) {
        await endCheckout(service, userId, checkout.session_id, state.completed);
      }
    }
    const customer = knownCustomer(billing, provider.name);
    if (customer.customerId !== null && billing.email !== null) {
      await provider.setEmail(customer.customerId, billing.email);
    }
    return await applyRead(service, providers, () => provider.readAll(customer));
  } catch (error) {
    return upstreamFailure(provider, error);
  }
}
