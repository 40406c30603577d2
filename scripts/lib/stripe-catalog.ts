import type Stripe from "stripe";
import { isMissingAtStripe } from "../../supabase/functions/_shared/stripe/client.ts";
import { registeredEvents } from "../../supabase/functions/_shared/stripe/events.ts";
import { idOf } from "../../supabase/functions/_shared/stripe/money.ts";
import { UserError } from "./user-error.ts";

/** A plan or a pack that is sold. */
export interface Sold {
  /** Its `plan_type` or `pack_type`. */
  type: string;
  name: string;
  isPack: boolean;
}

/** What a price is to be. */
export interface Amount {
  type: string;
  currency: string;
  /** In the currency's smallest unit. */
  unitAmount: number;
}

/** A price at Stripe and what it sells. */
export interface CatalogPrice {
  sold: Sold;
  price: Stripe.Price;
}

/** Told what is done, or would be. */
export type Report = (line: string) => void;

/**
 * Finds or makes what Stripe has to have of our plans and packs, by ids and lookup keys of ours, so that any number of
 * runs make it once. A price is made for each amount that is given and not there yet; one whose amount differs is
 * replaced by a new one, and whoever pays the old one pays it on. Gives every price that is offered; in a dry run those
 * that would be made are left out.
 *
 * @throws UserError where an amount is for nothing that is sold, or a plan would have no price at all
 */
export async function ensureCatalog(
  stripe: Stripe,
  sold: readonly Sold[],
  amounts: readonly Amount[],
  { dryRun, report }: { dryRun: boolean; report: Report },
): Promise<CatalogPrice[]> {
  const unknown = amounts.find(({ type }) => !sold.some((one) => one.type === type));
  if (unknown) {
    throw new UserError(
      `No active plan or pack is called ${unknown.type}.`,
      `There are ${sold.map(({ type }) => type).join(", ")}.`,
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
      const there = present.get(lookupKey(one.type, currency)) ?? null;
      const amount = given.findLast((each) => each.currency === currency)?.unitAmount ?? null;
      if (there !== null && (amount === null || amount === there.unit_amount)) {
        report(`price ${there.id} of ${one.type} is there, ${there.unit_amount} ${currency}`);
        prices.push({ sold: one, price: there });
      } else if (amount !== null) {
        const verb = dryRun ? "would make" : "making";
        report(
          `${verb} the price of ${one.type}, ${amount} ${currency}${there === null ? "" : ` in the place of ${there.unit_amount}`}`,
        );
        if (dryRun) continue;
        const price = await makePrice(stripe, one, { currency, unitAmount: amount }, there);
        prices.push({ sold: one, price });
      }
    }
  }
  return prices;
}

/** The name that a price of ours has at Stripe, whatever its id: what it sells, and the currency. */
export const lookupKey = (type: string, currency: string) => `${type}_${currency}`;

/** One product for each price: the portal takes no two prices of a product that are paid equally often. */
async function makePrice(
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
  // Not offered any more; its subscriptions go on.
  if (replaced !== null) await stripe.prices.update(replaced.id, { active: false });
  return price;
}

/** Stripe lets a customer change between so many products at most. */
const portalProducts = 10;

/**
 * Finds or makes the portal's configuration: invoices, payment methods, changing between our prices, cancelling at
 * the end of the period. Gives its id; null in a dry run that would make it.
 */
export async function ensurePortal(
  stripe: Stripe,
  prices: readonly CatalogPrice[],
  { dryRun, report }: { dryRun: boolean; report: Report },
): Promise<string | null> {
  const { data } = await stripe.billingPortal.configurations.list({ active: true, limit: 100 });
  const present = data.find(({ metadata }) => metadata?.pinebase === "portal");
  if (dryRun) {
    report(present ? `portal ${present.id} is there` : "would make the portal's configuration");
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
    report(`portal ${present.id} is there, with these prices`);
    return present.id;
  }
  const created = await stripe.billingPortal.configurations.create({
    features,
    metadata: { pinebase: "portal" },
  });
  report(`made the portal ${created.id}`);
  return created.id;
}

/**
 * Finds or makes the webhook endpoint with the events that the function reads. Gives its secret, which Stripe tells
 * once, when the endpoint is made; null for one that is there.
 */
export async function ensureWebhook(
  stripe: Stripe,
  url: string,
  { dryRun, report }: { dryRun: boolean; report: Report },
): Promise<string | null> {
  const enabled_events: Stripe.WebhookEndpointUpdateParams.EnabledEvent[] = [...registeredEvents];
  for await (const endpoint of stripe.webhookEndpoints.list({ limit: 100 })) {
    if (endpoint.url !== url) continue;
    report(`webhook ${endpoint.id} is there${dryRun ? "" : ", with these events"}`);
    if (!dryRun) await stripe.webhookEndpoints.update(endpoint.id, { enabled_events });
    return null;
  }
  report(`${dryRun ? "would make" : "making"} the webhook ${url}`);
  if (dryRun) return null;
  const { secret = null } = await stripe.webhookEndpoints.create({
    url,
    enabled_events,
    description: "Pinebase",
  });
  return secret;
}
