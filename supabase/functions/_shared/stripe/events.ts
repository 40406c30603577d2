import type Stripe from "stripe";
import { z } from "zod";
import type { ProviderEvent } from "../billing/provider.ts";
import {
  type Effect,
  ignored,
  isoTime,
  metadataIdSchema,
  parked,
  type Snapshot,
} from "../billing/snapshot.ts";
import { isMissingAtStripe } from "./client.ts";
import { idOf, readMoney } from "./money.ts";
import { type ReadingStripe, readPurchase, readSubscription, userOf } from "./reader.ts";
import { sessionOutcome } from "./sessions.ts";

/** The parts of Stripe's client that read the objects of events. */
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
    /** Set for an event of a connected account. */
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

/** https://docs.stripe.com/api/v2/core/events: it has the id of its object and not the object. */
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
    // A type that Stripe also sends as a snapshot has the same name after this prefix.
    type: event.type.replace(/^v1\./, ""),
    created: new Date(event.created).toISOString(),
    about: event.related_object?.id ?? null,
    account: event.context ?? null,
    payload: event,
  }));

const eventSchema = z.union([snapshotEventSchema, thinEventSchema]);

/** Parses a verified or stored event of any version. Returns null for anything else, and never throws. */
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
      if (account !== null) return ignored("The event belongs to a connected account.");
      const reader = readers.find(({ types }) => types.test(event.type));
      if (!reader || about === null) return ignored("Events of this type are not used.");
      try {
        return await reader.read({ stripe, livemode, type: event.type }, about);
      } catch (error) {
        if (!isMissingAtStripe(error)) throw error;
        return parked("Stripe", about);
      }
    },
  };
}

interface ReadContext {
  stripe: EventStripe;
  livemode: boolean;
  /** Of the event. */
  type: string;
}

interface EventReader {
  types: RegExp;
  read(context: ReadContext, id: string): Promise<Effect>;
}

/** The types of events to register at Stripe. Other types would only repeat them. */
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

/** How the object of an event is read, by the event's type. */
const readers: readonly EventReader[] = [
  {
    types: /^customer\.subscription\./,
    read: async ({ stripe, livemode }, id) => {
      const snapshot = await readSubscription(stripe, id, livemode);
      return "missing" in snapshot ? parked("Stripe", id) : { kind: "subscription", snapshot };
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
        : ignored("The customer still exists.");
    },
  },
  {
    types: /^charge\.refunded$/,
    read: async (context, id) => readCharge(context, await context.stripe.charges.retrieve(id)),
  },
  {
    types: /^(refund\.|charge\.refund\.)/,
    read: async (context, id) => {
      const { charge } = await context.stripe.refunds.retrieve(id, { expand: ["charge"] });
      return typeof charge === "object" && charge !== null
        ? readCharge(context, charge)
        : ignored("The refund has no charge.");
    },
  },
  {
    types: /^charge\.dispute\./,
    read: async (context, id) => {
      const { charge } = await context.stripe.disputes.retrieve(id, { expand: ["charge"] });
      return typeof charge === "object" ? readCharge(context, charge) : parked("Stripe", id);
    },
  },
];

async function readInvoice({ stripe, livemode }: ReadContext, id: string): Promise<Effect> {
  const invoice = await stripe.invoices.retrieve(id);
  const subscription = idOf(invoice.parent?.subscription_details?.subscription);
  if (subscription === null) return ignored("The invoice is for no subscription.");
  const snapshot = await readSubscription(stripe, subscription, livemode);
  return { kind: "subscription", snapshot };
}

async function readSession({ stripe, livemode, type }: ReadContext, id: string): Promise<Effect> {
  const session = await stripe.checkout.sessions.retrieve(id, { expand: ["line_items"] });
  if (session.mode === "setup") return ignored("The checkout sells nothing.");
  const subscription = idOf(session.subscription);
  const isPack = session.mode === "payment";
  const snapshot: Snapshot | null = subscription
    ? await readSubscription(stripe, subscription, livemode)
    : null;
  const purchase = isPack ? await readPurchase(stripe, session) : null;
  const outcome = sessionOutcome(session);
  // The session itself stays complete and unpaid when a delayed payment fails.
  const hasFailed = purchase?.status === "failed" || type.endsWith("async_payment_failed");
  return {
    kind: "checkout",
    session_id: id,
    attempt: metadataIdSchema.parse(session.metadata?.pinebase_attempt ?? null),
    customer_id: idOf(session.customer),
    user_id: userOf(session),
    completed: hasFailed && outcome === null ? false : outcome,
    snapshot,
    purchase,
  };
}

/** Reads what a charge paid: the invoice of a subscription, a pack, or something that was not sold here. */
async function readCharge(context: ReadContext, charge: Stripe.Charge): Promise<Effect> {
  const { stripe } = context;
  const intent = idOf(charge.payment_intent);
  if (intent !== null) {
    const payment = { type: "payment_intent", payment_intent: intent } as const;
    const { data: invoiced } = await stripe.invoicePayments.list({ payment, limit: 1 });
    const invoice = idOf(invoiced[0]?.invoice);
    if (invoice !== null) {
      const effect = await readInvoice(context, invoice);
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
