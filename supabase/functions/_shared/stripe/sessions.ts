import Stripe from "stripe";
import { z } from "zod";
import { digest } from "../billing/digest.ts";
import type { OpenSession, Order, SessionState } from "../billing/provider.ts";
import { isoTime } from "../billing/snapshot.ts";
import { isMissingAtStripe } from "./client.ts";
import { idOf } from "./money.ts";
import { type ReadingStripe, readPurchase, readSubscription } from "./reader.ts";

const onOrOff = ["true", ""] as const;
const isTrue = (text: string | undefined) => text === "true";

/** The variables by which an operator configures every checkout. */
export const checkoutSettingsSchema = z.object({
  /** Whether Stripe adds tax: https://docs.stripe.com/tax/checkout */
  CHECKOUT_AUTOMATIC_TAX: z.enum(onOrOff).optional().transform(isTrue),
  /** Whether businesses can enter their tax id. */
  CHECKOUT_TAX_IDS: z.enum(onOrOff).optional().transform(isTrue),
  /** Whether promotion codes of Stripe's dashboard can be entered, where no coupon of ours is applied. */
  CHECKOUT_PROMOTION_CODES: z.enum(onOrOff).optional().transform(isTrue),
  /** Whether a billing address is always required, or only where the payment needs it. */
  CHECKOUT_BILLING_ADDRESS: z.enum(["auto", "required"]).optional(),
});

/** The parsed variables. */
export type CheckoutSettings = Partial<z.output<typeof checkoutSettingsSchema>>;

function optionsOf(settings: CheckoutSettings, hasCoupon: boolean) {
  const automaticTax = settings.CHECKOUT_AUTOMATIC_TAX ?? false;
  const taxIds = settings.CHECKOUT_TAX_IDS ?? false;
  const address = settings.CHECKOUT_BILLING_ADDRESS;
  return {
    ...(automaticTax ? { automatic_tax: { enabled: true } } : {}),
    ...(taxIds ? { tax_id_collection: { enabled: true } } : {}),
    // For an existing customer Stripe requires this permission to store the address and name that both collect.
    ...(automaticTax || taxIds
      ? { customer_update: { address: "auto", name: "auto" } as const }
      : {}),
    // Stripe does not allow promotion codes together with a discount.
    ...(settings.CHECKOUT_PROMOTION_CODES && !hasCoupon ? { allow_promotion_codes: true } : {}),
    ...(address ? { billing_address_collection: address } : {}),
  };
}

/** The parts of Stripe's client that a checkout needs. */
export type SessionStripe = ReadingStripe & Pick<Stripe, "customers">;

/**
 * The outcome of a session by its own fields: true for paid, false for expired, null for open or unpaid. A bank debit
 * completes its session days before the payment succeeds or fails.
 *
 * @see https://docs.stripe.com/checkout/fulfillment
 */
export function sessionOutcome({
  status,
  payment_status,
}: Pick<Stripe.Checkout.Session, "status" | "payment_status">): boolean | null {
  if (status === "expired") return false;
  return payment_status === "unpaid" || status === "open" ? null : true;
}

/** Opens a session for an order. Returns null where the customer was deleted at Stripe. */
export async function openSession(
  stripe: SessionStripe,
  order: Order,
  settings: CheckoutSettings,
  mirrorCoupon: (code: string) => Promise<string>,
): Promise<OpenSession | null> {
  const { attempt, userId, priceId, isPack, locale } = order;
  const customer = order.customerId ?? (await newCustomer(stripe, order));
  const coupon = order.coupon ? await mirrorCoupon(order.coupon.code) : null;
  const metadata = { pinebase_user_id: userId };
  const terms = isPack
    ? ({ mode: "payment", payment_intent_data: { metadata } } as const)
    : ({
        mode: "subscription",
        subscription_data: {
          metadata,
          ...(order.trialDays > 0 ? { trial_period_days: order.trialDays } : {}),
        },
      } as const);
  const options = optionsOf(settings, coupon !== null);
  const key = await digest(
    customer,
    priceId,
    coupon,
    locale,
    String(order.trialDays),
    JSON.stringify(options),
  );
  try {
    const session = await stripe.checkout.sessions.create(
      {
        ...terms,
        ...options,
        customer,
        line_items: [{ price: priceId, quantity: 1 }],
        ...(coupon ? { discounts: [{ coupon }] } : {}),
        ...(locale ? { locale: locale as Stripe.Checkout.SessionCreateParams.Locale } : {}),
        success_url: order.successUrl,
        cancel_url: order.cancelUrl,
        metadata: { ...metadata, pinebase_attempt: attempt },
      },
      { idempotencyKey: `checkout_${attempt}_${key}` },
    );
    return { id: session.id, url: session.url, expiresAt: isoTime(session.expires_at) };
  } catch (error) {
    const isCustomer = isMissingAtStripe(error) && error.param === "customer";
    if (isCustomer && order.customerId !== null) return null;
    throw error;
  }
}

/** Parallel calls for a user get one customer, by Stripe's idempotency key and by our table of customers. */
async function newCustomer(stripe: SessionStripe, order: Order): Promise<string> {
  const { userId, email } = order;
  const key = `customer_${userId}_${await digest(email)}`;
  // The second key is for a user whose first customer was deleted at Stripe within a day.
  for (const idempotencyKey of [key, `${key}_${crypto.randomUUID()}`]) {
    const created = await stripe.customers.create(
      { email, metadata: { pinebase_user_id: userId } },
      { idempotencyKey },
    );
    const linked = await order.linkCustomer(created.id);
    if (linked !== null) return linked;
  }
  throw new Error("Stripe returned no customer that can be linked.");
}

/** Reads the state of a session. */
export async function readSessionState(
  stripe: SessionStripe,
  id: string,
  livemode: boolean,
): Promise<SessionState> {
  const expand = ["line_items"];
  const session = await stripe.checkout.sessions.retrieve(id, { expand });
  if (session.status === "open") return { isOpen: true };
  const subscription = idOf(session.subscription);
  const isPack = session.mode === "payment" && session.status === "complete";
  const snapshots = subscription ? [await readSubscription(stripe, subscription, livemode)] : [];
  const purchases = isPack ? [await readPurchase(stripe, session)] : [];
  // A session whose delayed payment failed stays complete and unpaid.
  const hasFailed =
    purchases.some(({ status }) => status === "failed") ||
    snapshots.some((one) => "missing" in one || one.ended_at !== null);
  const outcome = sessionOutcome(session);
  const completed = outcome === null && hasFailed ? false : outcome;
  return { isOpen: false, completed, snapshots, purchases };
}

/** Closes a session, unless it is already over, and returns its final state. */
export async function closeSession(
  stripe: SessionStripe,
  id: string,
  livemode: boolean,
): Promise<SessionState & { isOpen: false }> {
  try {
    await stripe.checkout.sessions.expire(id);
    return { isOpen: false, completed: false, snapshots: [], purchases: [] };
  } catch (error) {
    if (isMissingAtStripe(error)) {
      return { isOpen: false, completed: false, snapshots: [], purchases: [] };
    }
    if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) throw error;
  }
  // Stripe refuses to close a session that is already over.
  const state = await readSessionState(stripe, id, livemode);
  if (state.isOpen) throw new Error("The session stays open.");
  return state;
}
