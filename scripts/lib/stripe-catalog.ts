import type Stripe from "stripe";
import { isMissingAtStripe } from "../../supabase/functions/_shared/stripe/client.ts";
import { registeredEvents } from "../../supabase/functions/_shared/stripe/events.ts";
import { UserError } from "./user-error.ts";

/** A plan that is sold. */
export interface SoldPlan {
  plan_type: string;
  name: string;
}

/** What a price is to be, where there is none yet. */
export interface Amount {
  /** In the currency's smallest unit. */
  unitAmount: number;
  currency: string;
}

/** Told what is done, or would be. */
export type Report = (line: string) => void;

const productId = "pinebase_premium";

/**
 * Finds or makes what Stripe has to have of our plans, by ids and lookup keys of ours, so that any number of runs
 * make it once. A price that is there is left as it is: who pays it now pays it on. Gives the price of each plan; in
 * a dry run those that would be made are left out.
 *
 * @throws UserError where a price is missing and its amount is not given
 */
export async function ensureCatalog(
  stripe: Stripe,
  plans: readonly SoldPlan[],
  amounts: ReadonlyMap<string, Amount>,
  { dryRun, report }: { dryRun: boolean; report: Report },
): Promise<Map<string, Stripe.Price>> {
  const lookupKeys = plans.map(({ plan_type }) => plan_type);
  const { data } = await stripe.prices.list({
    lookup_keys: lookupKeys,
    active: true,
    limit: 100,
  });
  const found = new Map(data.map((price) => [price.lookup_key, price]));
  const missing = plans.filter(({ plan_type }) => !found.has(plan_type));
  const unpriced = missing.find(({ plan_type }) => !amounts.has(plan_type));
  if (unpriced) {
    throw new UserError(
      `The plan ${unpriced.plan_type} has no price at Stripe yet, and no amount is given.`,
      `Add --amount ${unpriced.plan_type}=900 --currency usd: 9.00, in the smallest unit.`,
    );
  }
  if (missing.length > 0) await ensureProduct(stripe, { dryRun, report });

  const prices = new Map<string, Stripe.Price>();
  for (const { plan_type, name } of plans) {
    const price = found.get(plan_type);
    if (price) {
      report(`price ${price.id} of ${plan_type} is there`);
      prices.set(plan_type, price);
      continue;
    }
    const amount = amounts.get(plan_type);
    if (amount === undefined) continue;
    report(`${dryRun ? "would make" : "making"} the price of ${plan_type}`);
    if (dryRun) continue;
    const created = await stripe.prices.create(
      {
        product: productId,
        nickname: name,
        currency: amount.currency,
        unit_amount: amount.unitAmount,
        recurring: { interval: plan_type.endsWith("_yearly") ? "year" : "month" },
        lookup_key: plan_type,
      },
      { idempotencyKey: `price_${plan_type}_${amount.currency}_${amount.unitAmount}` },
    );
    prices.set(plan_type, created);
  }
  return prices;
}

async function ensureProduct(
  stripe: Stripe,
  { dryRun, report }: { dryRun: boolean; report: Report },
): Promise<void> {
  try {
    await stripe.products.retrieve(productId);
    report(`product ${productId} is there`);
  } catch (error) {
    if (!isMissingAtStripe(error)) throw error;
    report(`${dryRun ? "would make" : "making"} the product ${productId}`);
    if (!dryRun) await stripe.products.create({ id: productId, name: "Premium" });
  }
}

/**
 * Finds or makes the portal's configuration: invoices, payment methods, changing between our prices, cancelling at
 * the end of the period. Gives its id; null in a dry run that would make it.
 */
export async function ensurePortal(
  stripe: Stripe,
  prices: ReadonlyMap<string, Stripe.Price>,
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
      products: [{ product: productId, prices: [...prices.values()].map(({ id }) => id) }],
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
