import Stripe from "stripe";
import { z } from "zod";
import { applyRead } from "../_shared/apply-read.ts";
import {
  type BegunCheckout,
  beginCheckout,
  endCheckout,
  openCheckout,
} from "../_shared/begin-checkout.ts";
import { digest } from "../_shared/digest.ts";
import { type Failure, failure, isFailure } from "../_shared/failure.ts";
import { callRpc, type RpcClient } from "../_shared/rpc.ts";
import { isoTime } from "../_shared/snapshot.ts";
import { isMissingAtStripe } from "../_shared/stripe.ts";
import { sessionOutcome } from "../_shared/stripe-events.ts";
import type { StripeReader } from "../_shared/stripe-reader.ts";
import { upstreamFailure } from "../_shared/webhook-delivery.ts";

/** The parts of Stripe's client that a checkout needs. */
export type CheckoutStripe = Pick<Stripe, "customers" | "checkout">;

/** What a checkout needs from outside. */
export interface CheckoutDependencies {
  /** Acts as the service role. */
  service: RpcClient;
  stripe: CheckoutStripe;
  reader: StripeReader;
  /** Makes sure that the coupon of a code is at Stripe, and gives its id there. */
  mirrorCoupon(code: string): Promise<string>;
}

/** What a user asks for. */
export interface Checkout {
  userId: string;
  planType: string;
  successUrl: string;
  cancelUrl: string;
}

/** An open session has to be closed before the next, and each round closes one: more means a fight between tabs. */
const rounds = 4;

type Begun = Extract<BegunCheckout, { attempt: string }>;

/**
 * Opens a session at Stripe and gives its URL, or the URL of the one that is open for the same. The database knows
 * of every session before anybody is sent there, so there is one at most; whatever Stripe was asked and
 * did not answer is asked again under the same idempotency key.
 */
export async function openStripeCheckout(
  dependencies: CheckoutDependencies,
  checkout: Checkout,
): Promise<string | Failure> {
  const { service } = dependencies;
  const { userId, planType, successUrl, cancelUrl } = checkout;
  const fingerprint = await digest(planType, successUrl, cancelUrl);
  for (let round = 1; round <= rounds; round += 1) {
    const begun = await beginCheckout(service, {
      user_id: userId,
      provider: "stripe",
      plan_type: planType,
      fingerprint,
    });
    if (isFailure(begun)) return begun;
    try {
      const url =
        "expire_session" in begun
          ? await closeSession(dependencies, userId, begun.expire_session, begun.provider)
          : await openSession(dependencies, checkout, begun);
      if (url !== null) return url;
    } catch (error) {
      // A refusal is kept by Stripe under the attempt's key: the next try needs a new one.
      if ("attempt" in begun && error instanceof Stripe.errors.StripeError && error.statusCode) {
        await callRpc(service, "drop_checkout", { attempt: begun.attempt }, z.unknown());
      }
      return upstreamFailure("stripe", error);
    }
  }
  return failure("upstream_error", "Another checkout is being opened. Try again.", {
    cause: "checkout:contended",
  });
}

/** Gives the URL to go to; null where the checkout has to be begun anew. */
async function openSession(
  dependencies: CheckoutDependencies,
  checkout: Checkout,
  begun: Begun,
): Promise<string | null | Failure> {
  const { service, stripe } = dependencies;
  if (begun.session_id !== null && begun.url !== null) {
    const session = await stripe.checkout.sessions.retrieve(begun.session_id);
    if (session.status === "open") return begun.url;
    return await leaveSession(dependencies, checkout.userId, session);
  }
  if (begun.price_id === null) {
    return failure("not_configured", "This plan has no price at Stripe yet: run stripe:setup.");
  }

  const customer = await ensureCustomer(dependencies, checkout.userId, begun);
  if (isFailure(customer)) return customer;
  const coupon = begun.coupon ? await dependencies.mirrorCoupon(begun.coupon.code) : null;
  const metadata = { pinebase_user_id: checkout.userId };
  const session = await stripe.checkout.sessions.create(
    {
      mode: "subscription",
      customer,
      line_items: [{ price: begun.price_id, quantity: 1 }],
      ...(coupon ? { discounts: [{ coupon }] } : {}),
      success_url: checkout.successUrl,
      cancel_url: checkout.cancelUrl,
      metadata: { ...metadata, pinebase_attempt: begun.attempt },
      subscription_data: { metadata },
    },
    {
      idempotencyKey: `checkout_${begun.attempt}_${await digest(customer, begun.price_id, coupon)}`,
    },
  );
  if (session.url === null) return await leaveSession(dependencies, checkout.userId, session);

  const isOurs = await openCheckout(service, {
    attempt: begun.attempt,
    session_id: session.id,
    url: session.url,
    expires_at: isoTime(session.expires_at),
  });
  if (isFailure(isOurs)) return isOurs;
  if (isOurs) return session.url;
  await stripe.checkout.sessions.expire(session.id);
  return null;
}

/** Two clicks at once agree on one customer: by Stripe's idempotency key, and if not by that, by our table. */
async function ensureCustomer(
  { service, stripe }: CheckoutDependencies,
  userId: string,
  { customer_id, email }: Begun,
): Promise<string | Failure> {
  if (customer_id !== null) return customer_id;
  const key = `customer_${userId}_${await digest(email)}`;
  // The second key is for a user whose first customer was deleted at Stripe within a day.
  for (const idempotencyKey of [key, `${key}_${crypto.randomUUID()}`]) {
    const created = await stripe.customers.create(
      { email, metadata: { pinebase_user_id: userId } },
      { idempotencyKey },
    );
    const args = { user_id: userId, provider: "stripe", customer_id: created.id };
    const linked = await callRpc(service, "link_billing_customer", args, z.string().nullable());
    if (linked !== null) return linked;
  }
  return failure("upstream_error", "Stripe gave no usable customer. Try again later.", {
    cause: "stripe:customer",
  });
}

/** Closes the session that stands in the way, unless it has completed meanwhile. */
async function closeSession(
  dependencies: CheckoutDependencies,
  userId: string,
  sessionId: string,
  provider: "stripe" | "paypal",
): Promise<null | Failure> {
  const { service, stripe } = dependencies;
  if (provider === "paypal") {
    // PayPal closes what nobody approves by itself, and nobody else can.
    await endCheckout(service, userId, sessionId, false);
    return null;
  }
  try {
    await stripe.checkout.sessions.expire(sessionId);
    await endCheckout(service, userId, sessionId, false);
    return null;
  } catch (error) {
    if (isMissingAtStripe(error)) {
      await endCheckout(service, userId, sessionId, false);
      return null;
    }
    if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) throw error;
  }
  // It cannot be closed because it is closed.
  const session = await stripe.checkout.sessions.retrieve(sessionId);
  if (session.status === "open") throw new Error("The session stays open.");
  return await leaveSession(dependencies, userId, session);
}

/** Takes note of a session that is over. Where it completed, the next round finds the subscription that it made. */
async function leaveSession(
  { service, reader }: CheckoutDependencies,
  userId: string,
  session: Stripe.Checkout.Session,
): Promise<null | Failure> {
  await endCheckout(service, userId, session.id, sessionOutcome(session));
  const customer = typeof session.customer === "string" ? session.customer : session.customer?.id;
  if (session.status !== "complete" || !customer) return null;
  const applied = await applyRead(service, () => reader.subscriptionsOf(customer));
  return isFailure(applied) ? applied : null;
}
