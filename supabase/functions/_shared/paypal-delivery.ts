import type { Paypal } from "./paypal.ts";
import { type PaypalEvent, paypalEventSchema } from "./paypal-objects.ts";
import type { Effect } from "./snapshot.ts";
import type { Delivery } from "./webhook-delivery.ts";

/**
 * Makes a delivery of a verified event, or of one that the database has kept; null for what is no event. An event
 * of PayPal is only a hint: what it says of a resource is not believed, because its signature covers little
 * more than a checksum.
 */
export function paypalDelivery(json: unknown, paypal: Paypal): Delivery | null {
  const parsed = paypalEventSchema.safeParse(json);
  if (!parsed.success) return null;
  const event = parsed.data;
  return {
    provider: "paypal",
    eventId: event.id,
    type: event.event_type,
    created: new Date(event.create_time).toISOString(),
    livemode: paypal.livemode,
    payload: event,
    canRead: true,
    findEffect: () => readEffect(event, paypal),
  };
}

async function readEffect(event: PaypalEvent, paypal: Paypal): Promise<Effect> {
  const { event_type: type, resource } = event;
  const isIncident = /^(PAYMENT\.SALE\.(REFUNDED|REVERSED)|CUSTOMER\.DISPUTE\.)/.test(type);
  const isSubscription = type.startsWith("BILLING.SUBSCRIPTION.");
  const id = isSubscription ? resource.id : resource.billing_agreement_id;
  if (!isSubscription && !isIncident && !type.startsWith("PAYMENT.SALE.")) {
    return { kind: "ignored", reason: "Events of this type are not used." };
  }
  const snapshot = id ? await paypal.subscription(id) : null;
  if (isIncident) {
    const customer_id = snapshot?.customer_id ?? null;
    return { kind: "incident", customer_id, snapshots: snapshot ? [snapshot] : [] };
  }
  if (snapshot === null) return { kind: "ignored", reason: "The subscription is not one of ours." };
  if (snapshot.status === "incomplete") return { kind: "subscription", snapshot };
  const { customer_id, user_id } = snapshot;
  // Whatever comes after the approval closes the checkout that led to it.
  return {
    kind: "checkout",
    session_id: snapshot.id,
    attempt: null,
    customer_id,
    user_id,
    completed: true,
    snapshot,
  };
}
