import type Stripe from "stripe";
import { z } from "zod";
import type { ProviderEvent } from "../billing/provider.ts";
import { type Effect, isoTime, type Snapshot } from "../billing/snapshot.ts";
import { isMissingAtStripe } from "./client.ts";
import { idOf, readMoney } from "./money.ts";
import { type ReadingStripe, readPurchase, readSubscription, userOf } from "./reader.ts";
import { sessionOutcome } from "./sessions.ts";

/** The parts of Stripe's client that read what an event can be about. */
export type EventStripe = ReadingStripe & Pick<Stripe, "customers" | "refunds" | "invoicePayments">;

const id = z.string().min(1).max(255);

/** https://docs.stripe.com/api/events/object */
const snapshotEventSchema = z
  .object({
    id,
    object: z.literal("event"),
    type: z.string().min(1).max(255),
    created: z.number().int().min(0).max(253_402_300_799),
    livemode: z.boolean(),
    /** Of a connected account: its objects are not ours. */
    account: z.string().nullish(),
    data: z.object({ object: z.object({ id: id.nullish(), object: z.string().nullish() }) }),
  })
  .transform(({ created, data, account, ...event }) => ({
    ...event,
    created: isoTime(created),
    about: data.object.id ?? null,
    account: account ?? null,
    payload: { ...event, created, data, ...(account ? { account } : {}) },
  }));

/** https://docs.stripe.com/api/v2/core/events: it names its object and carries nothing of it. */
const thinEventSchema = z
  .object({
    id,
    object: z.literal("v2.core.event"),
    type: z.string().min(1).max(255),
    created: z.iso.datetime({ offset: true }),
    livemode: z.boolean().default(false),
    context: z.string().nullish(),
    related_object: z.object({ id, type: z.string() }).nullish(),
  })
  .transform((event) => ({
    ...event,
    // The kinds that Stripe also sends as snapshots have the same names behind a prefix.
    type: event.type.replace(/^v1\./, ""),
    created: new Date(event.created).toISOString(),
    about: event.related_object?.id ?? null,
    account: event.context ?? null,
    payload: event,
  }));

const eventSchema = z.union([snapshotEventSchema, thinEventSchema]);

/** Understands a verified event of any version, or one that was kept; null for what is no event. Never throws. */
export function parseStripeEvent(
  json: unknown,
  stripe: EventStripe,
  livemode: boolean,
): ProviderEvent | null {
  const parsed = eventSchema.safeParse(json);
  if (!parsed.success) return null;
  const { about, account, object: _, ...event } = parsed.data;
  return {
    id: event.id,
    type: event.type,
    created: event.created,
    livemode: event.livemode,
    payload: event.payload,
    read: async () => {
      if (account !== null) return ignored("The event is about a connected account.");
      const reader = readers.find(({ types }) => types.test(event.type));
      if (!reader || about === null) return ignored("Events of this type are not used.");
      try {
        return await reader.read({ stripe, livemode }, about, event.type);
      } catch (error) {
        if (!isMissingAtStripe(error)) throw error;
        return parked(about);
      }
    },
  };
}

interface At {
  stripe: EventStripe;
  livemode: boolean;
}

interface EventReader {
  types: RegExp;
  read(at: At, id: string, type: string): Promise<Effect>;
}

/** The events to register: those that say something which no other of them says. */
export const registeredEvents = [
  "checkout.session.completed",
  "checkout.session.async_payment_succeeded",
  "checkout.session.async_payment_failed",
  "checkout.session.expired",
  "customer.deleted",
  "customer.subscription.created",
  "customer.subscription.updated",
  "customer.subscription.deleted",
  "customer.subscription.paused",
  "customer.subscription.resumed",
  "invoice.paid",
  "invoice.payment_failed",
  "charge.refunded",
  "refund.updated",
  "charge.dispute.created",
  "charge.dispute.updated",
  "charge.dispute.closed",
] as const;

/** How an event of each kind is read. */
const readers: readonly EventReader[] = [
  {
    types: /^customer\.subscription\./,
    read: async ({ stripe, livemode }, id) => {
      const snapshot = await readSubscription(stripe, id, livemode);
      return "missing" in snapshot ? parked(id) : { kind: "subscription", snapshot };
    },
  },
  { types: /^invoice\.(?!deleted)/, read: readInvoice },
  { types: /^checkout\.session\./, read: readSession },
  {
    types: /^customer\.deleted$/,
    read: async ({ stripe }, id) => {
      const customer = await stripe.customers.retrieve(id);
      return customer.deleted
        ? { kind: "customer_deleted", customer_id: id, snapshots: [] }
        : ignored("The customer is still there.");
    },
  },
  {
    types: /^charge\.refunded$/,
    read: async (at, id) => readCharge(at, await at.stripe.charges.retrieve(id)),
  },
  {
    types: /^(refund\.|charge\.refund\.)/,
    read: async (at, id) => {
      const { charge } = await at.stripe.refunds.retrieve(id, { expand: ["charge"] });
      return typeof charge === "object" && charge !== null
        ? readCharge(at, charge)
        : ignored("The refund is of no charge.");
    },
  },
  {
    types: /^charge\.dispute\./,
    read: async (at, id) => {
      const { charge } = await at.stripe.disputes.retrieve(id, { expand: ["charge"] });
      return typeof charge === "object" ? readCharge(at, charge) : parked(id);
    },
  },
];

async function readInvoice({ stripe, livemode }: At, id: string): Promise<Effect> {
  const invoice = await stripe.invoices.retrieve(id);
  const subscription = idOf(invoice.parent?.subscription_details?.subscription);
  if (subscription === null) return ignored("The invoice is for no subscription.");
  const snapshot = await readSubscription(stripe, subscription, livemode);
  return { kind: "subscription", snapshot };
}

async function readSession({ stripe, livemode }: At, id: string, type: string): Promise<Effect> {
  const session = await stripe.checkout.sessions.retrieve(id, { expand: ["line_items"] });
  if (session.mode === "setup") return ignored("The checkout sells nothing.");
  const subscription = idOf(session.subscription);
  const isPack = session.mode === "payment";
  const snapshot: Snapshot | null = subscription
    ? await readSubscription(stripe, subscription, livemode)
    : null;
  const purchase = isPack ? await readPurchase(stripe, session) : null;
  const outcome = sessionOutcome(session);
  // The session itself stays complete and unpaid when the money does not come.
  const hasFailed = purchase?.status === "failed" || type.endsWith("async_payment_failed");
  return {
    kind: "checkout",
    session_id: id,
    attempt: attemptSchema.parse(session.metadata?.pinebase_attempt ?? null),
    customer_id: idOf(session.customer),
    user_id: userOf(session),
    completed: hasFailed && outcome === null ? false : outcome,
    snapshot,
    purchase,
  };
}

const attemptSchema = z.uuid().nullable().catch(null);

/** What a charge was for: the invoice of a subscription, a pack, or something that is not ours. */
async function readCharge({ stripe, livemode }: At, charge: Stripe.Charge): Promise<Effect> {
  const intent = idOf(charge.payment_intent);
  if (intent !== null) {
    const payment = { type: "payment_intent", payment_intent: intent } as const;
    const { data: invoiced } = await stripe.invoicePayments.list({ payment, limit: 1 });
    const invoice = idOf(invoiced[0]?.invoice);
    if (invoice !== null) {
      const effect = await readInvoice({ stripe, livemode }, invoice);
      if (effect.kind !== "ignored") return effect;
    }
    const expand = ["data.line_items"];
    const sessions = { payment_intent: intent, limit: 1, expand };
    const { data } = await stripe.checkout.sessions.list(sessions);
    const [session] = data;
    if (session) return { kind: "purchase", purchase: await readPurchase(stripe, session) };
  }
  const customer = idOf(charge.customer);
  const of = intent !== null ? { payment_intent: intent } : customer !== null ? { customer } : null;
  const money = of && (await readMoney(stripe, of)).get(intent ?? charge.id);
  return {
    kind: "incident",
    payment_id: intent ?? charge.id,
    customer_id: customer,
    user_id: null,
    refunds: money?.refunds ?? [],
    disputes: money?.disputes ?? [],
  };
}

function ignored(reason: string): Effect {
  return { kind: "ignored", reason };
}

function parked(id: string): Effect {
  return { kind: "parked", reason: `Stripe has no object ${id}.`, waits_for: `object:${id}` };
}
