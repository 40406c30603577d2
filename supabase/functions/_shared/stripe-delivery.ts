import type { Effect } from "./snapshot.ts";
import { readStripeEvent, type StripeHint } from "./stripe-events.ts";
import type { StripeReader } from "./stripe-reader.ts";
import type { Delivery } from "./webhook-delivery.ts";

/**
 * Makes a delivery of a verified event, or of one that the database has kept; null for what is no event.
 *
 * @param reader null without a key: the event's own word is then all there is
 */
export function stripeDelivery(json: unknown, reader: StripeReader | null): Delivery | null {
  const event = readStripeEvent(json);
  if (event === null) return null;
  const { id, type, created, livemode, payload, hint } = event;
  return {
    provider: "stripe",
    eventId: id,
    type,
    created,
    livemode,
    payload,
    canRead: reader !== null,
    findEffect: async () => {
      if (reader === null) return hint.effect;
      if (reader.livemode !== livemode) {
        return { kind: "ignored", reason: "The event is of the other mode, test or live." };
      }
      return await readEffect(hint, reader);
    },
  };
}

async function readEffect(hint: StripeHint, reader: StripeReader): Promise<Effect> {
  switch (hint.about) {
    case "itself":
      return hint.effect;

    case "subscription": {
      const snapshot = await reader.subscription(hint.id);
      if (snapshot === null) {
        return { kind: "parked", reason: `Stripe has no subscription ${hint.id}.` };
      }
      const payments = [...snapshot.payments, ...hint.payments];
      return { kind: "subscription", snapshot: { ...snapshot, payments } };
    }

    case "checkout": {
      const snapshot = hint.subscription ? await reader.subscription(hint.subscription) : null;
      return { ...hint.effect, snapshot };
    }

    case "money": {
      const customer =
        hint.customer ?? (hint.charge ? await reader.customerOfCharge(hint.charge) : null);
      const snapshots = customer ? await reader.subscriptionsOf(customer) : [];
      return { kind: "incident", customer_id: customer, snapshots };
    }
  }
}
