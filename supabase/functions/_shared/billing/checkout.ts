import { z } from "zod";
import { type Failure, failure, isFailure } from "../http/failure.ts";
import { callRpc, type RpcClient } from "../supabase/rpc.ts";
import { applyRead } from "./apply-read.ts";
import { digest } from "./digest.ts";
import type { Provider, Providers } from "./provider.ts";
import type { ProviderName } from "./snapshot.ts";
import { applyClosedSession, endCheckout } from "./sync.ts";
import { upstreamFailure } from "./upstream.ts";

const providerName = z.enum(["stripe", "paypal"]);

const begunSchema = z.union([
  z.object({ expire_session: z.string(), provider: providerName }),
  z.object({
    attempt: z.uuid(),
    session_id: z.string().nullable(),
    url: z.string().nullable(),
    email: z.string(),
    customer_id: z.string().nullable(),
    price: z.object({ provider_price_id: z.string() }),
    trial_days: z.number().nullish(),
    coupon: z.object({ code: z.string() }).nullable(),
  }),
]);

type Begun = Extract<z.output<typeof begunSchema>, { attempt: string }>;

/** What a user wants to buy. Exactly one of `planType` and `packType` is set. */
export interface CheckoutRequest {
  userId: string;
  planType: string | null;
  packType: string | null;
  currency: string | null;
  locale: string | null;
  ignoreCoupon: boolean;
  successUrl: string;
  cancelUrl: string;
}

/**
 * Each round closes one session that is open for another request. More rounds are only needed while several tabs of a
 * user open checkouts at once.
 */
const rounds = 4;

/**
 * Opens a session at a provider and returns its URL, or returns the URL of the session that is already open for the same
 * request. The database records every session before its URL is returned, so that a user has at most one. A request that
 * the provider did not answer is repeated with the same attempt id, which gives the same session.
 */
export async function openCheckout(
  service: RpcClient,
  provider: Provider,
  providers: Providers,
  request: CheckoutRequest,
): Promise<string | Failure> {
  const { userId, planType, packType, currency, ignoreCoupon, ...rest } = request;
  const args = {
    user_id: userId,
    provider: provider.name,
    plan_type: planType,
    pack_type: packType,
    currency,
    ignore_coupon: ignoreCoupon,
    fingerprint: await digest(
      planType,
      packType,
      currency,
      rest.successUrl,
      rest.cancelUrl,
      rest.locale,
    ),
  };
  let hasRead = false;
  for (let round = 1; round <= rounds; round += 1) {
    const begun = await callRpc(service, "begin_checkout", args, begunSchema);
    if (isFailure(begun)) {
      if (begun.code !== "active_subscription" || hasRead) return begun;
      // The stored subscription may be outdated, because the event about its end can be lost.
      hasRead = true;
      const refreshed = await refresh(service, providers, begun);
      if (isFailure(refreshed)) return refreshed;
      continue;
    }
    try {
      const url =
        "expire_session" in begun
          ? await closeSession(service, providers, userId, begun)
          : await openSession(service, provider, providers, request, begun);
      if (url !== null) return url;
    } catch (error) {
      // The provider repeats a refusal for the same attempt id, so the next request needs a new attempt.
      if ("attempt" in begun && provider.isRefusal(error)) {
        await callRpc(service, "drop_checkout", { attempt: begun.attempt }, z.unknown());
      }
      return upstreamFailure(provider, error);
    }
  }
  return failure("upstream_error", "Another checkout is being opened. Try again.", {
    cause: "checkout:contended",
  });
}

const runningSchema = z.object({
  subscriptions: z.array(z.object({ provider: providerName, id: z.string() })),
});

/** Reads the subscriptions because of which a checkout was refused. */
async function refresh(
  service: RpcClient,
  providers: Providers,
  { facts }: Failure,
): Promise<true | Failure> {
  const running = runningSchema.safeParse(facts).data?.subscriptions ?? [];
  for (const { provider: name, id } of running) {
    const provider = providers[name];
    if (provider === undefined) continue;
    try {
      const applied = await applyRead(service, providers, async () => ({
        snapshots: [await provider.read(id)],
        purchases: [],
      }));
      if (isFailure(applied)) return applied;
    } catch (error) {
      return upstreamFailure(provider, error);
    }
  }
  return true;
}

/** Returns the session's URL; null where the checkout must begin again. */
async function openSession(
  service: RpcClient,
  provider: Provider,
  providers: Providers,
  { userId, packType, successUrl, cancelUrl, locale }: CheckoutRequest,
  begun: Begun,
): Promise<string | null | Failure> {
  if (begun.session_id !== null && begun.url !== null) {
    const state = await provider.session(begun.session_id);
    if (state.isOpen) return begun.url;
    const applied = await applyClosedSession(service, providers, userId, begun.session_id, state);
    return isFailure(applied) ? applied : null;
  }
  if (begun.customer_id !== null) await provider.setEmail(begun.customer_id, begun.email);
  const session = await provider.open({
    attempt: begun.attempt,
    userId,
    email: begun.email,
    priceId: begun.price.provider_price_id,
    isPack: packType !== null,
    customerId: begun.customer_id,
    trialDays: begun.trial_days ?? 0,
    coupon: begun.coupon,
    successUrl,
    cancelUrl,
    locale,
    linkCustomer: async (customerId) => {
      const link = { user_id: userId, provider: provider.name, customer_id: customerId };
      const linked = await callRpc(service, "link_billing_customer", link, z.string().nullable());
      if (isFailure(linked)) throw new Error("The customer could not be linked.");
      return linked;
    },
  });
  if (session === null) return await recordDeletedCustomer(service, provider, begun);
  const isRecorded =
    session.url !== null &&
    (await callRpc(
      service,
      "open_checkout",
      {
        attempt: begun.attempt,
        session_id: session.id,
        url: session.url,
        expires_at: session.expiresAt,
      },
      z.boolean(),
    ));
  if (isFailure(isRecorded)) return isRecorded;
  if (isRecorded) return session.url;
  const state = await provider.close(session.id);
  const applied = await applyClosedSession(service, providers, userId, session.id, state);
  return isFailure(applied) ? applied : null;
}

/**
 * Records that the customer was deleted at the provider, as the lost event about it would have done, so that the next
 * round makes a new customer.
 */
async function recordDeletedCustomer(
  service: RpcClient,
  { name, livemode }: Provider,
  { attempt, customer_id }: Begun,
): Promise<null | Failure> {
  const number = await callRpc(service, "next_read_number", {}, z.string());
  if (isFailure(number)) return number;
  const recorded = await callRpc(
    service,
    "record_webhook_event",
    {
      provider: name,
      event_id: `read_${attempt}_${customer_id}`,
      type: "customer.deleted",
      created: new Date().toISOString(),
      livemode,
      payload: {},
      effect: { kind: "customer_deleted", customer_id, snapshots: [] },
      read_number: number,
    },
    z.unknown(),
  );
  return isFailure(recorded) ? recorded : null;
}

/** Closes a session that is open for another request. Where it was paid, the next round finds its subscription. */
async function closeSession(
  service: RpcClient,
  providers: Providers,
  userId: string,
  { expire_session: id, provider: name }: { expire_session: string; provider: ProviderName },
): Promise<null | Failure> {
  const provider = providers[name];
  if (provider === undefined) {
    // The operator has removed the provider's keys, so the session cannot be closed there and its result cannot be read.
    await endCheckout(service, userId, id, false);
    return null;
  }
  const state = await provider.close(id);
  const applied = await applyClosedSession(service, providers, userId, id, state);
  return isFailure(applied) ? applied : null;
}
