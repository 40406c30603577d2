import { z } from "zod";
import { type Effect, isoTime, type Payment } from "./snapshot.ts";
import {
  chargeSchema,
  invoiceSchema,
  objectSchema,
  type StripeInvoice,
  type StripeSession,
  sessionSchema,
  subscriptionSchema,
} from "./stripe-objects.ts";
import { paidPeriods, stripeSnapshot, subscriptionOf } from "./stripe-snapshot.ts";

/** What an event asks for. The effects are what can be said without asking Stripe. */
export type StripeHint =
  | { about: "itself"; effect: Effect }
  | { about: "subscription"; id: string; payments: Payment[]; effect: Effect }
  | { about: "checkout"; subscription: string | null; effect: Effect & { kind: "checkout" } }
  | { about: "money"; customer: string | null; charge: string | null; effect: Effect };

/** An event that was understood. */
export interface StripeEvent {
  id: string;
  type: string;
  /** ISO 8601 */
  created: string;
  livemode: boolean;
  hint: StripeHint;
  /** The event with nothing in it that we do not read. Reading it again gives the same. */
  payload: Record<string, unknown>;
}

/** https://docs.stripe.com/api/events/object */
const snapshotEventSchema = z.object({
  id: z.string().min(1).max(255),
  object: z.literal("event"),
  type: z.string().min(1).max(255),
  created: z.number().int().min(0).max(253_402_300_799),
  livemode: z.boolean(),
  api_version: z.string().nullish(),
  /** Of a connected account: its objects are not ours. */
  account: z.string().nullish(),
  data: z.object({ object: z.record(z.string(), z.unknown()) }),
});

/** https://docs.stripe.com/api/v2/core/events: such an event carries no object. */
const thinEventSchema = z.object({
  id: z.string().min(1).max(255),
  object: z.literal("v2.core.event"),
  type: z.string().min(1).max(255),
  created: z.iso.datetime({ offset: true }),
  livemode: z.boolean().default(false),
});

/** Understands a verified event of any version; null for what is no event at all. Never throws. */
export function readStripeEvent(json: unknown): StripeEvent | null {
  const thin = thinEventSchema.safeParse(json);
  if (thin.success) {
    const { id, type, created, livemode } = thin.data;
    const hint = ignored("Events of this kind carry no object.");
    return { id, type, created, livemode, hint, payload: thin.data };
  }
  const parsed = snapshotEventSchema.safeParse(json);
  if (!parsed.success) return null;
  const { data, ...envelope } = parsed.data;
  const { hint, object } = envelope.account
    ? { hint: ignored("The event is about a connected account."), object: {} }
    : understand(envelope.type, data.object);
  const { id, type, livemode } = envelope;
  const payload = { ...envelope, data: { object } };
  return { id, type, created: isoTime(envelope.created), livemode, hint, payload };
}

interface Understood {
  hint: StripeHint;
  /** What was read of the object. */
  object: object;
}

function understand(type: string, object: Record<string, unknown>): Understood {
  if (type.startsWith("customer.subscription.")) {
    return read(subscriptionSchema, object, (subscription) => {
      const snapshot = stripeSnapshot(subscription);
      const effect: Effect = { kind: "subscription", snapshot };
      return { about: "subscription", id: subscription.id, payments: [], effect };
    });
  }
  if (type.startsWith("invoice.")) return read(invoiceSchema, object, invoiceHint);
  if (type.startsWith("checkout.session.")) {
    return read(sessionSchema, object, (session) => sessionHint(type, session));
  }
  if (type === "customer.deleted") {
    return read(objectSchema.extend({ id: z.string() }), object, ({ id }) => ({
      about: "itself",
      effect: { kind: "customer_deleted", customer_id: id },
    }));
  }
  if (/^(refund\.|charge\.(refund|dispute))/.test(type)) {
    return read(chargeSchema, object, (money) => {
      const customer = money.customer ?? null;
      const charge = money.object === "charge" ? money.id : (money.charge ?? null);
      const effect: Effect = { kind: "incident", customer_id: customer, snapshots: [] };
      return { about: "money", customer, charge, effect };
    });
  }
  return { hint: ignored("Events of this type are not used."), object: identity(object) };
}

/** What does not fit is kept for a person: sending it again would not help. */
function read<Schema extends z.ZodType<object>>(
  schema: Schema,
  object: Record<string, unknown>,
  toHint: (object: z.output<Schema>) => StripeHint,
): Understood {
  const parsed = schema.safeParse(object);
  if (parsed.success) return { hint: toHint(parsed.data), object: parsed.data };
  const field = parsed.error.issues[0]?.path.join(".") ?? "";
  const effect: Effect = { kind: "parked", reason: `The object has no usable field ${field}.` };
  return { hint: { about: "itself", effect }, object: identity(object) };
}

function invoiceHint(invoice: StripeInvoice): StripeHint {
  const id = subscriptionOf(invoice);
  if (id === null || !invoice.customer) return ignored("The invoice is for no subscription.");
  const payments = paidPeriods(invoice, id);
  const metadata =
    invoice.parent?.subscription_details?.metadata ?? invoice.subscription_details?.metadata;
  const effect: Effect =
    payments.length === 0
      ? { kind: "ignored", reason: "The invoice says nothing that the subscription does not." }
      : {
          kind: "payment",
          subscription_id: id,
          customer_id: invoice.customer,
          user_id: metadata?.pinebase_user_id ?? null,
          payments,
        };
  return { about: "subscription", id, payments, effect };
}

function sessionHint(type: string, session: StripeSession): StripeHint {
  if (session.mode !== "subscription") return ignored("The checkout is for no subscription.");
  if (!session.customer) return ignored("The checkout has no customer.");
  return {
    about: "checkout",
    subscription: session.subscription ?? null,
    effect: {
      kind: "checkout",
      session_id: session.id,
      attempt: session.metadata?.pinebase_attempt ?? null,
      customer_id: session.customer,
      user_id: session.metadata?.pinebase_user_id ?? null,
      completed: hasSucceeded(type, session),
      snapshot: null,
    },
  };
}

/**
 * Whether a checkout has been paid for, has come to nothing, or with null is under way: a bank debit completes
 * the session days before the money comes, or does not.
 *
 * @see https://docs.stripe.com/checkout/fulfillment
 */
function hasSucceeded(type: string, session: StripeSession): boolean | null {
  switch (type) {
    case "checkout.session.expired":
    case "checkout.session.async_payment_failed":
      return false;
    case "checkout.session.async_payment_succeeded":
      return true;
    default:
      return sessionOutcome(session);
  }
}

/** What a session says by itself: paid for, come to nothing, or with null still open or unpaid. */
export function sessionOutcome(session: Pick<StripeSession, "status" | "payment_status">) {
  if (session.status === "expired") return false;
  return session.payment_status === "unpaid" || session.status === "open" ? null : true;
}

function ignored(reason: string): StripeHint {
  return { about: "itself", effect: { kind: "ignored", reason } };
}

function identity(object: Record<string, unknown>): object {
  const parsed = objectSchema.safeParse(object);
  return parsed.success ? parsed.data : {};
}
