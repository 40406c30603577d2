import { parseArgs } from "node:util";
import type postgres from "postgres";
import Stripe from "stripe";
import {
  createStripe,
  isLiveKey,
  stripeEnvironmentSchema,
} from "../supabase/functions/_shared/stripe/client.ts";
import { parseVariables } from "../supabase/functions/_shared/supabase/environment.ts";
import { confirm } from "./lib/confirm.ts";
import { functionsVariables } from "./lib/functions-variables.ts";
import { connectAsService } from "./lib/service-database.ts";
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
  "The key is of the live mode, and nobody is here to confirm it.",
  "Add --yes, or see what would happen with --dry-run.",
] as const;

const usage =
  "Use npm run stripe:setup -- [--amount TYPE:CURRENCY=CENTS]... [--currency usd] [--webhook-url URL] [--dry-run] [--yes] [--remote=URL] [--dir PATH].";

/**
 * `npm run stripe:setup`: finds or makes the products and prices of our premium plans and packs and the portal at Stripe, with
 * `--webhook-url` the webhook with its events, and stores the prices in `prices`. Any number of runs make it once. Asks before it touches the live mode.
 */
export async function run(args: string[]): Promise<number> {
  const options = parse(args);
  const settings = parseVariables(stripeEnvironmentSchema, await functionsVariables(options));
  const stripe = createStripe(settings);
  if (stripe === null) {
    throw new UserError(
      "STRIPE_SECRET_KEY is not set.",
      "Take it from https://dashboard.stripe.com/apikeys, a test one first, and run the command again.",
    );
  }
  if (isLiveKey(settings.STRIPE_SECRET_KEY ?? "") && !options.dryRun && !options.yes) {
    if (!(await confirm("This changes Stripe's live mode. Type yes: ", unattended))) {
      throw new UserError("Nothing was changed.", "Type yes to go on, or add --dry-run.");
    }
  }
  const sql = await connectAsService(options);
  try {
    const sold = await sql<Sold[]>`
      select p.plan_type as type, p.name, false as "isPack" from public.plans as p where p.is_premium and p.is_active
      union all
      select k.pack_type, k.name, true from public.credit_packs as k where k.is_active
      order by "isPack", type
    `;
    const how = { dryRun: options.dryRun, report: (line: string) => console.log(line) };
    const prices = await ensureCatalog(stripe, sold, options.amounts, how);
    const portal = await ensurePortal(stripe, prices, how);
    const secret = options.webhookUrl ? await ensureWebhook(stripe, options.webhookUrl, how) : null;
    if (options.dryRun) {
      console.log("Nothing was changed: this was a dry run.");
      return 0;
    }
    await store(sql, prices);
    console.log(`Plans and packs know their prices. Set STRIPE_PORTAL_CONFIGURATION=${portal}.`);
    if (secret) console.log(`Set STRIPE_WEBHOOK_SECRET=${secret}. Stripe tells it this once.`);
    return 0;
  } catch (cause) {
    if (!(cause instanceof Stripe.errors.StripeError)) throw cause;
    throw new UserError(`Stripe says: ${cause.message}`, "Nothing was stored; run it again.", {
      cause,
    });
  } finally {
    await sql.end();
  }
}

async function store(sql: postgres.Sql, prices: readonly CatalogPrice[]): Promise<void> {
  await sql.begin(async (tx) => {
    for (const { sold, price } of prices) {
      const interval = price.recurring?.interval ?? null;
      const count = price.recurring?.interval_count ?? 1;
      const plan = sold.isPack ? null : sold.type;
      const pack = sold.isPack ? sold.type : null;
      // The old price stays, for those who pay it, and is no longer offered.
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

function parse(args: string[]) {
  try {
    const { values } = parseArgs({
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
      throw new UserError(`"${webhookUrl}" is not a URL.`, usage);
    }
    const amounts = amount.map((text) => parseAmount(text, currency));
    return { ...rest, amounts, dryRun, webhookUrl };
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError(cause instanceof Error ? cause.message : String(cause), usage, { cause });
  }
}

function parseAmount(text: string, otherwise: string): Amount {
  const [, type, currency = otherwise, unitAmount] =
    /^([a-z][a-z0-9_]+)(?::([A-Za-z]{3}))?=(\d+)$/.exec(text) ?? [];
  if (type === undefined) throw new UserError(`"${text}" is not TYPE:CURRENCY=CENTS.`, usage);
  return { type, currency: currency.toLowerCase(), unitAmount: Number(unitAmount) };
}
