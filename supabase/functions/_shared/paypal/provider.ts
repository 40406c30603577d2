import { z } from "zod";
import type { Order, Provider, ProviderEvent, SessionState } from "../billing/provider.ts";
import { type Effect, ignored, parked, type Snapshot } from "../billing/snapshot.ts";
import { parseJson } from "../http/json.ts";
import { type PaypalClient, PaypalError, type PaypalSettings } from "./client.ts";
import { eventSchema } from "./objects.ts";
import { type Incident, readDispute, readRefund, readSale, readSubscription } from "./reader.ts";

/** Milliseconds for which a buyer can approve a subscription: PayPal allows three hours. */
const approvalTime = 3 * 60 * 60 * 1000;

const createdSchema = z.object({
  id: z.string(),
  links: z.array(z.object({ rel: z.string(), href: z.string() })),
});

/**
 * Makes the provider for PayPal.
 *
 * @see https://developer.paypal.com/docs/api/subscriptions/v1/
 */
export function createPaypalProvider(
  paypal: PaypalClient,
  settings: PaypalSettings,
  now: () => number = Date.now,
): Provider {
  const { livemode } = paypal;
  const read = (id: string, incident?: Incident) => readSubscription(paypal, id, now(), incident);
  const subscriptionPath = (id: string, action: string) =>
    `/v1/billing/subscriptions/${encodeURIComponent(id)}/${action}`;

  return {
    name: "paypal",
    title: "PayPal",
    livemode,
    verify: (body, headers) => isSentByPaypal(paypal, settings.PAYPAL_WEBHOOK_ID, body, headers),
    parse: (json) => parseEvent(json, paypal, read),
    read,

    async readAll({ subscriptionIds }) {
      const snapshots: Snapshot[] = [];
      for (const id of subscriptionIds) snapshots.push(await read(id));
      return { snapshots, purchases: [] };
    },

    // PayPal cannot list subscriptions by user. The database has the ids of those that were created here.
    changedSince: none,
    purchasesSince: none,
    sessionsSince: none,

    async open(order) {
      const body = JSON.stringify(requestOf(order));
      const headers = { "paypal-request-id": order.attempt };
      const created = createdSchema.parse(
        await paypal.post("/v1/billing/subscriptions", body, headers),
      );
      const url = created.links.find(({ rel }) => rel === "approve")?.href;
      if (url === undefined) throw new Error("PayPal's answer has no approval page.");
      return { id: created.id, url, expiresAt: new Date(now() + approvalTime).toISOString() };
    },

    async session(id) {
      const snapshot = await read(id);
      return isWaiting(snapshot) ? { isOpen: true } : stateOf(snapshot);
    },

    // An approval cannot be closed; PayPal ends it after some time. One that is approved later charges nothing until it is
    // activated, and it is not activated while another subscription is running.
    close: async (id) => stateOf(await read(id)),

    async activate(id) {
      await paypal.post(subscriptionPath(id, "activate"), '{"reason":"The user has approved."}');
    },

    async cancel(id) {
      try {
        await paypal.post(subscriptionPath(id, "cancel"), '{"reason":"Ended by the shop."}');
      } catch (error) {
        if (!(error instanceof PaypalError && [404, 422].includes(error.status))) throw error;
        // The refusal is fine where the subscription has ended or was never active, because it charges nothing.
        const snapshot = await read(id);
        const isCharging =
          !("missing" in snapshot) &&
          snapshot.cancel_at === null &&
          ["active", "past_due"].includes(snapshot.status);
        if (isCharging) throw error;
      }
    },

    // PayPal has no customers; it sends receipts to the address of the payer's account.
    setEmail: () => Promise.resolve(),

    portal: () =>
      Promise.resolve(`https://www.${livemode ? "" : "sandbox."}paypal.com/myaccount/autopay/`),

    isRefusal: (error) => error instanceof PaypalError,
  };
}

/**
 * The user action CONTINUE leaves the activation to us. Otherwise PayPal would charge at approval, although another
 * subscription may be running by then.
 */
function requestOf({ priceId, userId, successUrl, cancelUrl }: Order) {
  return {
    plan_id: priceId,
    custom_id: userId,
    application_context: {
      return_url: successUrl,
      cancel_url: cancelUrl,
      user_action: "CONTINUE",
      shipping_preference: "NO_SHIPPING",
    },
  };
}

function isWaiting(snapshot: Snapshot): boolean {
  return !("missing" in snapshot) && snapshot.status === "incomplete" && !snapshot.approved;
}

function stateOf(snapshot: Snapshot): SessionState & { isOpen: false } {
  const isOver = isWaiting(snapshot) || "missing" in snapshot;
  return {
    isOpen: false,
    completed: !isOver,
    snapshots: isOver ? [] : [snapshot],
    purchases: [],
  };
}

/**
 * Parses a verified or stored event; returns null for anything else. Only the resource's id is used, because PayPal's
 * signature covers little more than a checksum of the body.
 */
function parseEvent(
  json: unknown,
  paypal: PaypalClient,
  read: (id: string, incident?: Incident) => Promise<Snapshot>,
): ProviderEvent | null {
  const parsed = eventSchema.safeParse(json);
  if (!parsed.success) return null;
  const { id, event_type: type, create_time: created, resource } = parsed.data;
  return {
    id,
    type,
    created,
    livemode: paypal.livemode,
    payload: parsed.data,
    read: async () => {
      const about = resource.id ?? resource.dispute_id ?? null;
      if (about === null) return ignored("The event names no object.");
      if (type.startsWith("BILLING.SUBSCRIPTION.")) return subscriptionEffect(await read(about));
      if (/^PAYMENT\.SALE\.(REFUNDED|REVERSED)$/.test(type)) {
        const found = await readRefund(paypal, about);
        // The resource of a reversal is the sale itself.
        return await saleEffect(paypal, read, found ?? { saleId: about });
      }
      if (type.startsWith("PAYMENT.SALE."))
        return await saleEffect(paypal, read, { saleId: about });
      if (type.startsWith("CUSTOMER.DISPUTE.")) {
        const found = await readDispute(paypal, about);
        if (found === null) return parked("PayPal", about);
        const [saleId = ""] = found.saleIds;
        return await saleEffect(paypal, read, { saleId, dispute: found.dispute });
      }
      return ignored("Events of this type are not used.");
    },
  };
}

function subscriptionEffect(snapshot: Snapshot): Effect {
  if ("missing" in snapshot) return parked("PayPal", snapshot.id);
  if (snapshot.status === "incomplete" && !snapshot.approved) {
    return { kind: "subscription", snapshot };
  }
  // Every state after the approval ends the checkout.
  return {
    kind: "checkout",
    session_id: snapshot.id,
    attempt: null,
    customer_id: null,
    user_id: snapshot.user_id,
    completed: true,
    snapshot,
    purchase: null,
  };
}

async function saleEffect(
  paypal: PaypalClient,
  read: (id: string, incident?: Incident) => Promise<Snapshot>,
  incident: Incident,
): Promise<Effect> {
  const { saleId, refund, dispute } = incident;
  const sale = await readSale(paypal, saleId);
  if (sale?.billing_agreement_id) {
    return subscriptionEffect(await read(sale.billing_agreement_id, incident));
  }
  if (!refund && !dispute) {
    return sale ? ignored("The payment is for no subscription.") : parked("PayPal", saleId);
  }
  return {
    kind: "incident",
    payment_id: saleId || null,
    customer_id: null,
    user_id: null,
    refunds: refund ? [refund] : [],
    disputes: dispute ? [dispute] : [],
  };
}

async function* none(): AsyncIterable<never> {}

/** Calls PayPal to verify that it sent a body. */
async function isSentByPaypal(
  paypal: PaypalClient,
  webhookId: string | undefined,
  body: string,
  headers: Headers,
): Promise<boolean> {
  // The body is inserted into the request below, so a text that is not one JSON value could add fields to it.
  if (parseJson(body) === undefined || !webhookId) return false;
  const fields = {
    auth_algo: headers.get("paypal-auth-algo"),
    cert_url: headers.get("paypal-cert-url"),
    transmission_id: headers.get("paypal-transmission-id"),
    transmission_sig: headers.get("paypal-transmission-sig"),
    transmission_time: headers.get("paypal-transmission-time"),
    webhook_id: webhookId,
  };
  if (Object.values(fields).includes(null)) return false;
  // The body is sent unchanged, because the signature covers the checksum of its exact bytes.
  const request = `${JSON.stringify(fields).slice(0, -1)},"webhook_event":${body}}`;
  const answerSchema = z.object({ verification_status: z.string() });
  try {
    const answer = await paypal.post("/v1/notifications/verify-webhook-signature", request);
    return answerSchema.parse(answer).verification_status === "SUCCESS";
  } catch (error) {
    // PayPal cannot have sent a body that it cannot parse.
    if (error instanceof PaypalError && [400, 422].includes(error.status)) return false;
    throw error;
  }
}
