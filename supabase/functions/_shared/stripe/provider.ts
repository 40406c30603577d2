import Stripe from "stripe";
import type { PastSession, Provider } from "../billing/provider.ts";
import type { Purchase } from "../billing/snapshot.ts";
import { isMissingAtStripe } from "./client.ts";
import { parseStripeEvent } from "./events.ts";
import { idOf } from "./money.ts";
import { readCustomer, readPurchase, readSubscription, userOf } from "./reader.ts";
import {
  type CheckoutSettings,
  closeSession,
  openSession,
  readSessionState,
  sessionOutcome,
} from "./sessions.ts";
import { isSignedByStripe } from "./signature.ts";

/** What Stripe needs from outside. */
export interface StripeDependencies {
  stripe: Stripe;
  livemode: boolean;
  /** The secrets that may have signed a delivery. There are two while one replaces the other. */
  webhookSecrets: readonly string[];
  checkout?: CheckoutSettings;
  /** The id of the portal's configuration that stripe:setup printed; null for the account's default. */
  portalConfiguration: string | null;
  /** Creates the coupon of a code at Stripe unless it exists, and returns its id there. */
  mirrorCoupon(code: string): Promise<string>;
  /** Milliseconds since 1970. */
  now?: () => number;
}

/** Days within which a payment can be disputed, with a margin: banks allow up to 120. */
const disputeDays = 130;

/** Makes the provider for Stripe. */
export function createStripeProvider(dependencies: StripeDependencies): Provider {
  const { stripe, livemode, webhookSecrets, mirrorCoupon, now = Date.now } = dependencies;

  async function* purchasesOf(intents: AsyncIterable<string | null>): AsyncIterable<Purchase> {
    for await (const intent of intents) {
      if (intent === null) continue;
      const expand = ["data.line_items"];
      const found = { payment_intent: intent, limit: 1, expand };
      const { data } = await stripe.checkout.sessions.list(found);
      for (const session of data) yield await readPurchase(stripe, session);
    }
  }

  return {
    name: "stripe",
    title: "Stripe",
    livemode,
    verify: (body, headers) =>
      isSignedByStripe(body, headers.get("stripe-signature"), webhookSecrets, now()),
    parse: (json) => parseStripeEvent(json, stripe, livemode),
    read: (id) => readSubscription(stripe, id, livemode),
    readAll: ({ customerId }) =>
      customerId === null
        ? Promise.resolve({ snapshots: [], purchases: [] })
        : readCustomer(stripe, customerId),

    async *changedSince(since) {
      // Every running subscription is listed, because a renewal does not change when it was created.
      for await (const { id } of stripe.subscriptions.list({ limit: 100 })) yield id;
      const created = { gte: seconds(since) };
      for await (const { id } of stripe.subscriptions.list({
        created,
        status: "all",
        limit: 100,
      })) {
        yield id;
      }
      for await (const invoice of stripe.invoices.list({ created, limit: 100 })) {
        const id = idOf(invoice.parent?.subscription_details?.subscription);
        if (id !== null) yield id;
      }
    },

    async *purchasesSince(since) {
      const created = { gte: seconds(since) };
      const contested = { gte: created.gte - disputeDays * 86_400 };
      const expand = ["data.line_items"];
      const list = stripe.checkout.sessions.list({
        created,
        status: "complete",
        limit: 100,
        expand,
      });
      for await (const session of list) {
        if (session.mode === "payment") yield await readPurchase(stripe, session);
      }
      yield* purchasesOf(intentsOf(stripe.refunds.list({ created, limit: 100 })));
      yield* purchasesOf(intentsOf(stripe.disputes.list({ created: contested, limit: 100 })));
    },

    async *sessionsSince(since): AsyncIterable<PastSession> {
      // A session is open for up to a day, so one that was opened a day earlier may have been paid since.
      const created = { gte: seconds(since) - 86_400 };
      for await (const session of stripe.checkout.sessions.list({ created, limit: 100 })) {
        const userId = userOf(session);
        if (userId === null || session.status === "open") continue;
        yield { id: session.id, userId, completed: sessionOutcome(session) };
      }
    },

    open: (order) => openSession(stripe, order, dependencies.checkout ?? {}, mirrorCoupon),
    session: (id) => readSessionState(stripe, id, livemode),
    close: (id) => closeSession(stripe, id, livemode),
    activate: () => Promise.reject(new Error("Stripe activates subscriptions itself.")),

    async cancel(id) {
      try {
        await stripe.subscriptions.cancel(id);
      } catch (error) {
        // Stripe answers for a subscription that has ended that it does not exist.
        if (!isMissingAtStripe(error)) throw error;
      }
    },

    async setEmail(customerId, email) {
      try {
        const customer = await stripe.customers.retrieve(customerId);
        if (customer.deleted || customer.email === email) return;
        await stripe.customers.update(customerId, { email });
      } catch (error) {
        if (!isMissingAtStripe(error)) throw error;
      }
    },

    async portal({ customerId, returnUrl }) {
      if (customerId === null) return null;
      const { url } = await stripe.billingPortal.sessions.create({
        customer: customerId,
        return_url: returnUrl,
        ...(dependencies.portalConfiguration
          ? { configuration: dependencies.portalConfiguration }
          : {}),
      });
      return url;
    },

    isRefusal: (error) => error instanceof Stripe.errors.StripeError && Boolean(error.statusCode),
  };
}

async function* intentsOf(
  list: AsyncIterable<{ payment_intent: string | { id: string } | null }>,
): AsyncIterable<string | null> {
  for await (const { payment_intent } of list) yield idOf(payment_intent);
}

function seconds(time: Date): number {
  return Math.floor(time.getTime() / 1000);
}
