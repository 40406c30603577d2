import type postgres from "postgres";
import Stripe from "stripe";
import {
  createStripe,
  isLiveKey,
  stripeEnvironmentSchema,
} from "../supabase/functions/_shared/stripe/client.ts";
import { parseVariables } from "../supabase/functions/_shared/supabase/environment.ts";
import { readArguments, usageError } from "./lib/arguments.ts";
import { confirm } from "./lib/confirm.ts";
import { functionsVariables } from "./lib/functions-variables.ts";
import { withServiceDatabase } from "./lib/service-database.ts";
import {
  type Amount,
  type CatalogPrice,
  ensureCatalog,
  ensurePortal,
  ensureWebhook,
  type Sold,
} from "./lib/stripe-catalog.ts";
import { UserError } from "./lib/user-error.ts";

const unattended = [
  "The key is a live key, and changes of Stripe's live mode must be confirmed at a terminal.",
  "Add --yes, or see what would happen with --dry-run.",
] as const;

/**
 * `npm run stripe:setup`: finds or creates the products and prices of our premium plans and packs and the portal at Stripe,
 * with `--webhook-url` also the webhook with its events, and stores the prices in `prices`. A repeated run creates nothing
 * twice. Asks for confirmation before it changes the live mode.
 */
export async function run(args: string[]): Promise<number> {
  const options = parse(args);
  const settings = parseVariables(stripeEnvironmentSchema, await functionsVariables(options));
  const stripe = createStripe(settings);
  if (stripe === null) {
    throw new UserError(
      "STRIPE_SECRET_KEY is not set.",
      "Copy a key from https://dashboard.stripe.com/apikeys, at first a test key, set it and run the command again.",
    );
  }
  if (isLiveKey(settings.STRIPE_SECRET_KEY ?? "") && !options.dryRun && !options.yes) {
    const question = "This changes Stripe's live mode. Type yes to continue: ";
    if (!(await confirm(question, unattended))) {
      console.log("Nothing was changed.");
      return 1;
    }
  }
  try {
    return await withServiceDatabase(options, (sql) => setUp(stripe, sql, options));
  } catch (cause) {
    if (!(cause instanceof Stripe.errors.StripeError)) throw cause;
    throw new UserError(
      `Stripe answered: ${cause.message}`,
      "No price was stored. Correct the cause, then run the command again.",
      { cause },
    );
  }
}

async function setUp(stripe: Stripe, sql: postgres.Sql, options: Options): Promise<number> {
  const { amounts, dryRun, webhookUrl } = options;
  const sold = await sql<Sold[]>`
    select p.plan_type as type, p.name, false as "isPack" from public.plans as p where p.is_premium and p.is_active
    union all
    select k.pack_type, k.name, true from public.credit_packs as k where k.is_active
    order by "isPack", type
  `;
  const change = { dryRun, report: (line: string) => console.log(line) };
  const prices = await ensureCatalog(stripe, sold, amounts, change);
  const portal = await ensurePortal(stripe, prices, change);
  const secret = webhookUrl ? await ensureWebhook(stripe, webhookUrl, change) : null;
  if (dryRun) {
    console.log("Nothing was changed: this was a dry run.");
    return 0;
  }
  await store(sql, prices);
  console.log(`The prices are stored. Set STRIPE_PORTAL_CONFIGURATION=${portal}.`);
  if (secret) console.log(`Set STRIPE_WEBHOOK_SECRET=${secret}. Stripe shows it only now.`);
  return 0;
}

async function store(sql: postgres.Sql, prices: readonly CatalogPrice[]): Promise<void> {
  await sql.begin(async (tx) => {
    for (const { sold, price } of prices) {
      const interval = price.recurring?.interval ?? null;
      const count = price.recurring?.interval_count ?? 1;
      const plan = sold.isPack ? null : sold.type;
      const pack = sold.isPack ? sold.type : null;
      // The old price stays for the subscriptions that pay it, but is no longer offered.
      await tx`
        update public.prices set is_current = false
        where provider = 'stripe' and (plan_type = ${plan} or pack_type = ${pack}) and currency = ${price.currency}
          and interval is not distinct from ${interval} and interval_count = ${count}
          and is_current and provider_price_id <> ${price.id}
      `;
      await tx`
        insert into public.prices
          (provider, provider_price_id, plan_type, pack_type, currency, unit_amount, interval, interval_count)
        values
          ('stripe', ${price.id}, ${plan}, ${pack}, ${price.currency}, ${price.unit_amount ?? 0}, ${interval}, ${count})
        on conflict (provider, provider_price_id) do update set is_current = true
      `;
    }
  });
}

type Options = ReturnType<typeof parse>;

function parse(args: string[]) {
  const { values } = readArguments("stripe-setup", {
    args,
    options: {
      amount: { type: "string", multiple: true, default: [] },
      currency: { type: "string", default: "usd" },
      "webhook-url": { type: "string" },
      "dry-run": { type: "boolean", default: false },
      yes: { type: "boolean", default: false },
      remote: { type: "string" },
      dir: { type: "string" },
    },
  });
  const { amount, currency, "dry-run": dryRun, "webhook-url": webhookUrl, ...rest } = values;
  if (webhookUrl !== undefined && !URL.canParse(webhookUrl)) {
    throw usageError("stripe-setup", `"${webhookUrl}" is not a URL.`);
  }
  return {
    ...rest,
    amounts: amount.map((text) => parseAmount(text, currency)),
    dryRun,
    webhookUrl,
  };
}

function parseAmount(text: string, defaultCurrency: string): Amount {
  const [, type, currency = defaultCurrency, unitAmount] =
    /^([a-z][a-z0-9_]+)(?::([A-Za-z]{3}))?=(\d+)$/.exec(text) ?? [];
  if (type === undefined) {
    throw usageError("stripe-setup", `"${text}" is not TYPE:CURRENCY=CENTS.`);
  }
  return { type, currency: currency.toLowerCase(), unitAmount: Number(unitAmount) };
}
