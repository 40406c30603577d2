import { z } from "zod";
import { type Failure, failure, isFailure } from "../http/failure.ts";
import { callRpc, type RpcClient } from "../supabase/rpc.ts";
import { applyRead } from "./apply-read.ts";
import { digest } from "./digest.ts";
import type { Provider, Providers } from "./provider.ts";
import type { ProviderName } from "./snapshot.ts";
import { endCheckout, leaveSession } from "./sync.ts";
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

/** What a user asks for. Exactly one of `planType` and `packType` is given. */
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

/** An open session has to be closed before the next, and each round closes one: more means a fight between tabs. */
const rounds = 4;

/**
 * Opens a session at a provider and gives its URL, or the URL of the one that is open for the same. The database
 * knows of every session before anybody is sent there, so there is one at most; whatever the provider was asked
 * and did not answer is asked again for the same attempt.
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
      // Our row may be old: the end of a subscription may never have been heard of.
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
      // A refusal is kept by the provider under the attempt's key: the next try needs a new one.
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

/** Reads the subscriptions that stand in the way of a checkout. */
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

/** Gives the URL to go to; null where the checkout has to be begun anew. */
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
    const left = await leaveSession(service, providers, userId, begun.session_id, state);
    return isFailure(left) ? left : null;
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
  if (session === null) return await forgetCustomer(service, provider, begun);
  const isOurs =
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
  if (isFailure(isOurs)) return isOurs;
  if (isOurs) return session.url;
  const state = await provider.close(session.id);
  const left = await leaveSession(service, providers, userId, session.id, state);
  return isFailure(left) ? left : null;
}

/**
 * The customer is gone at the provider, and its event was never heard of. It is told in the event's words, so that the
 * next round makes a new one.
 */
async function forgetCustomer(
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

/** Closes the session that stands in the way. Where it has completed, the next round finds what it made. */
async function closeSession(
  service: RpcClient,
  providers: Providers,
  userId: string,
  { expire_session: id, provider: name }: { expire_session: string; provider: ProviderName },
): Promise<null | Failure> {
  const provider = providers[name];
  if (provider === undefined) {
    // The provider's keys were taken away: nothing that it has can be paid into our account any more.
    await endCheckout(service, userId, id, false);
    return null;
  }
  const left = await leaveSession(service, providers, userId, id, await provider.close(id));
  return isFailure(left) ? left : null;
}
