import type Stripe from "stripe";
import { isMissingAtStripe } from "../../supabase/functions/_shared/stripe/client.ts";
import { registeredEvents } from "../../supabase/functions/_shared/stripe/events.ts";
import { idOf } from "../../supabase/functions/_shared/stripe/money.ts";
import { UserError } from "./user-error.ts";

/** A plan or pack on sale. */
export interface Sold {
  /** Its `plan_type` or `pack_type`. */
  type: string;
  name: string;
  isPack: boolean;
}

/** The amount of a price that the caller requests. */
export interface Amount {
  type: string;
  currency: string;
  /** In the currency's smallest unit. */
  unitAmount: number;
}

/** A price at Stripe, and the plan or pack that it sells. */
export interface CatalogPrice {
  sold: Sold;
  price: Stripe.Price;
}

/** How to make changes at Stripe. */
export interface ChangeOptions {
  /** Only reports what would be changed. */
  dryRun: boolean;
  /** Receives one line for each step. */
  report(line: string): void;
}

/**
 * Finds or creates the products and prices of our plans and packs at Stripe. They are found by ids and lookup keys of
 * ours, so a repeated run creates nothing twice. A price whose amount changes is replaced by a new price; existing
 * subscriptions keep the old one.
 *
 * @returns every offered price, in a dry run without those that would be created
 * @throws UserError when an amount names no plan or pack, or a plan would have no price
 */
export async function ensureCatalog(
  stripe: Stripe,
  sold: readonly Sold[],
  amounts: readonly Amount[],
  { dryRun, report }: ChangeOptions,
): Promise<CatalogPrice[]> {
  const unknown = amounts.find(({ type }) => !sold.some((one) => one.type === type));
  if (unknown) {
    throw new UserError(
      `There is no active plan or pack ${unknown.type}.`,
      `The active ones are ${sold.map(({ type }) => type).join(", ")}.`,
    );
  }
  const present = new Map<string, Stripe.Price>();
  for await (const price of stripe.prices.list({ active: true, limit: 100 })) {
    if (price.lookup_key !== null) present.set(price.lookup_key, price);
  }
  const currencies = new Set(
    [...present.keys()].map((key) => key.slice(-3)).concat(amounts.map((one) => one.currency)),
  );
  const prices: CatalogPrice[] = [];
  for (const one of sold) {
    const given = amounts.filter(({ type }) => type === one.type);
    const known = [...currencies].filter((currency) => present.has(lookupKey(one.type, currency)));
    if (!one.isPack && known.length + given.length === 0) {
      throw new UserError(
        `The plan ${one.type} has no price at Stripe yet, and no amount is given.`,
        `Add --amount ${one.type}:usd=900 for 9.00, in the smallest unit.`,
      );
    }
    for (const currency of new Set([...known, ...given.map((amount) => amount.currency)])) {
      const existing = present.get(lookupKey(one.type, currency)) ?? null;
      const amount = given.findLast((each) => each.currency === currency)?.unitAmount ?? null;
      if (existing !== null && (amount === null || amount === existing.unit_amount)) {
        report(`price ${existing.id} of ${one.type} exists, ${existing.unit_amount} ${currency}`);
        prices.push({ sold: one, price: existing });
      } else if (amount !== null) {
        const verb = dryRun ? "would create" : "creating";
        report(
          `${verb} the price of ${one.type}, ${amount} ${currency}${existing === null ? "" : ` instead of ${existing.unit_amount}`}`,
        );
        if (dryRun) continue;
        const price = await createPrice(stripe, one, { currency, unitAmount: amount }, existing);
        prices.push({ sold: one, price });
      }
    }
  }
  return prices;
}

/** The lookup key of our price at Stripe: the plan or pack, and the currency. */
export const lookupKey = (type: string, currency: string) => `${type}_${currency}`;

/** Creates the price, and one product for each: the portal accepts only one price of a product for each interval. */
async function createPrice(
  stripe: Stripe,
  sold: Sold,
  { currency, unitAmount }: { currency: string; unitAmount: number },
  replaced: Stripe.Price | null,
): Promise<Stripe.Price> {
  const key = lookupKey(sold.type, currency);
  const product = `pinebase_${key}`;
  try {
    await stripe.products.retrieve(product);
  } catch (error) {
    if (!isMissingAtStripe(error)) throw error;
    await stripe.products.create({ id: product, name: sold.name });
  }
  const price = await stripe.prices.create(
    {
      product,
      nickname: sold.name,
      currency,
      unit_amount: unitAmount,
      ...(sold.isPack
        ? {}
        : { recurring: { interval: sold.type.endsWith("_yearly") ? "year" : "month" } }),
      lookup_key: key,
      transfer_lookup_key: true,
    },
    { idempotencyKey: `price_${key}_${unitAmount}_after_${replaced?.id ?? "none"}` },
  );
  // It is no longer offered. Its subscriptions continue.
  if (replaced !== null) await stripe.prices.update(replaced.id, { active: false });
  return price;
}

/** The most products between which Stripe lets a customer change. */
const portalProducts = 10;

/**
 * Finds or creates the portal's configuration: invoices, payment methods, changes between our prices, cancellation at the
 * end of the period.
 *
 * @returns its id, or null in a dry run that would create it
 */
export async function ensurePortal(
  stripe: Stripe,
  prices: readonly CatalogPrice[],
  { dryRun, report }: ChangeOptions,
): Promise<string | null> {
  const { data } = await stripe.billingPortal.configurations.list({ active: true, limit: 100 });
  const present = data.find(({ metadata }) => metadata?.pinebase === "portal");
  if (dryRun) {
    report(present ? `portal ${present.id} exists` : "would create the portal's configuration");
    return present?.id ?? null;
  }
  const features: Stripe.BillingPortal.ConfigurationCreateParams.Features = {
    invoice_history: { enabled: true },
    payment_method_update: { enabled: true },
    subscription_cancel: { enabled: true, mode: "at_period_end" },
    subscription_update: {
      enabled: true,
      default_allowed_updates: ["price"],
      proration_behavior: "always_invoice",
      products: prices
        .filter(({ sold }) => !sold.isPack)
        .slice(0, portalProducts)
        .map(({ price }) => ({ product: idOf(price.product) ?? "", prices: [price.id] })),
    },
  };
  if (present) {
    await stripe.billingPortal.configurations.update(present.id, { features });
    report(`portal ${present.id} exists, updated with these prices`);
    return present.id;
  }
  const created = await stripe.billingPortal.configurations.create({
    features,
    metadata: { pinebase: "portal" },
  });
  report(`created the portal ${created.id}`);
  return created.id;
}

/**
 * Finds or creates the webhook endpoint with the events that the function reads.
 *
 * @returns the secret of a new endpoint, which Stripe shows only once, or null for an existing endpoint
 */
export async function ensureWebhook(
  stripe: Stripe,
  url: string,
  { dryRun, report }: ChangeOptions,
): Promise<string | null> {
  const enabled_events: Stripe.WebhookEndpointUpdateParams.EnabledEvent[] = [...registeredEvents];
  for await (const endpoint of stripe.webhookEndpoints.list({ limit: 100 })) {
    if (endpoint.url !== url) continue;
    report(`webhook ${endpoint.id} exists${dryRun ? "" : ", updated with these events"}`);
    if (!dryRun) await stripe.webhookEndpoints.update(endpoint.id, { enabled_events });
    return null;
  }
  report(`${dryRun ? "would create" : "creating"} the webhook ${url}`);
  if (dryRun) return null;
  const { secret = null } = await stripe.webhookEndpoints.create({
    url,
    enabled_events,
    description: "Pinebase",
  });
  return secret;
}
