/*
 * Sends the same signed events to our stripe-webhook and to @supabase/stripe-sync-engine, in turns. Our handler calls RPCs
 * over a direct connection, in the transactions of PostgREST: the local Data API is a development server, which would
 * dominate the result. The argument is one JSON object, and the rates are written to standard output as JSON.
 */
import { createStripeProvider } from "../../supabase/functions/_shared/stripe/provider.ts";
import { createHandler } from "../../supabase/functions/stripe-webhook/handler.ts";
import { rateOf } from "../rate.ts";

/** The part of the peers that is used here. Declared here, because they may not be installed. */
interface Client {
  query(
    query: string | { name: string; text: string; values?: unknown[] },
    values?: unknown[],
  ): Promise<{ rows: Record<string, unknown>[] }>;
  release(): void;
}
interface Pool extends Pick<Client, "query"> {
  connect(): Promise<Client>;
}
interface Pg {
  Pool: new (options: { connectionString: string; max: number }) => Pool;
}
interface StripeSync {
  processWebhook(body: string, signature: string): Promise<unknown>;
}
interface SyncEngine {
  StripeSync: new (options: Record<string, unknown>) => StripeSync;
}

interface Options {
  /** The modules of bench/node_modules. */
  peers: { syncEngine: string; pg: string };
  ours: string;
  sync: string;
  users: number;
  rounds: number;
  seconds: number;
  clients: number[];
}

const options: Options = JSON.parse(Deno.args[0] ?? "{}");
const { default: pg }: { default: Pg } = await import(options.peers.pg);
const { default: syncEngine }: { default: SyncEngine } = await import(options.peers.syncEngine);
const secret = "whsec_benchmark";
const most = Math.max(...options.clients);

// The driver of the sync engine, so that the driver makes no difference.
const pool = new pg.Pool({ connectionString: options.ours, max: most });
await pool.query(
  `insert into public.prices (provider, provider_price_id, plan_type, currency, unit_amount, interval)
   values ('stripe', 'price_bench', 'premium_monthly', 'usd', 900, 'month')
   on conflict (provider, provider_price_id) do nothing`,
);
await pool.query(
  `select public.link_billing_customer(('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'stripe', 'cus_' || n)
   from generate_series(0, $1::int) as n`,
  [options.users - 1],
);
// Neither side calls Stripe over a network: the sync engine is configured to trust the event, and our handler's reads are
// answered here with the same subscription.
const empty = { list: async function* () {} };
const stripe = {
  subscriptions: { retrieve: (id: string) => Promise.resolve(subscription(Number(id.slice(4)))) },
  invoices: empty,
  invoiceItems: empty,
  charges: empty,
  disputes: empty,
} as unknown as Parameters<typeof createStripeProvider>[0]["stripe"];
const handler = createHandler({
  service: { rpc },
  providers: {
    stripe: createStripeProvider({
      stripe,
      livemode: false,
      webhookSecrets: [secret],
      portalConfiguration: null,
      mirrorCoupon: () => Promise.reject(new Error("No checkout is opened here.")),
    }),
  },
  hasSecret: true,
  log: () => {},
});

async function rpc(name: string, args: Record<string, unknown>) {
  const names = Object.keys(args);
  const list = names.map((key, index) => `"${key}" => $${index + 1}`).join(", ");
  const client = await pool.connect();
  try {
    await client.query("begin");
    await client.query({
      name: "settings",
      text: `select
        set_config('search_path', '"public", "extensions"', true),
        set_config('role', 'service_role', true),
        set_config('request.jwt.claims', '{"role": "service_role"}', true)`,
    });
    const { rows } = await client.query({
      name,
      text: `select public.${name}(${list}) as data`,
      values: names.map((key) => args[key]),
    });
    await client.query("commit");
    return { data: rows[0]?.data, error: null };
  } finally {
    client.release();
  }
}

const quiet = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };
const sync = new syncEngine.StripeSync({
  schema: "stripe",
  stripeSecretKey: "sk_test_benchmark",
  stripeWebhookSecret: secret,
  backfillRelatedEntities: false,
  poolConfig: { connectionString: options.sync, max: most },
  logger: quiet,
});

const key = await crypto.subtle.importKey(
  "raw",
  new TextEncoder().encode(secret),
  { name: "HMAC", hash: "SHA-256" },
  false,
  ["sign"],
);

async function sign(body: string): Promise<string> {
  const time = Math.floor(Date.now() / 1000);
  const bytes = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(`${time}.${body}`));
  const text = Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0"));
  return `t=${time},v1=${text.join("")}`;
}

function subscription(user: number) {
  const now = Math.floor(Date.now() / 1000);
  const period = { current_period_start: now - 3600, current_period_end: now + 30 * 86_400 };
  const price = { id: "price_bench", object: "price", product: "prod_bench", recurring: null };
  const item = { id: `si_${user}`, object: "subscription_item", price, quantity: 1, ...period };
  return {
    id: `sub_${user}`,
    object: "subscription",
    customer: `cus_${user}`,
    livemode: false,
    status: "active",
    created: now - 3600,
    start_date: now - 3600,
    billing_cycle_anchor: now - 3600,
    collection_method: "charge_automatically",
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: null,
    ended_at: null,
    latest_invoice: `in_${user}`,
    metadata: {},
    items: {
      object: "list",
      data: [{ ...item, subscription: `sub_${user}` }],
      has_more: false,
    },
    ...period,
  };
}

/** An update of a subscription. Each event is new, and a second later than the one before. */
function event(n: number): string {
  return JSON.stringify({
    id: `evt_${n}`,
    object: "event",
    api_version: "2025-03-31.basil",
    type: "customer.subscription.updated",
    created: Math.floor(Date.now() / 1000) - 100_000 + n,
    livemode: false,
    data: { object: subscription(n % options.users) },
  });
}

const sides = {
  ours: async (body: string) => {
    const request = new Request("http://127.0.0.1/stripe-webhook", {
      method: "POST",
      headers: { "stripe-signature": await sign(body) },
      body,
    });
    const response = await handler(request);
    const { status } = await response.json();
    if (status !== "processed") throw new Error(`ours answered ${response.status} ${status}`);
  },
  sync: async (body: string) => {
    await sync.processWebhook(body, await sign(body));
  },
};

let next = 0;

const results: { clients: number; rates: Record<string, number[]> }[] = [];
for (const clients of options.clients) {
  const rates: Record<string, number[]> = { ours: [], sync: [] };
  for (const deliver of Object.values(sides)) {
    await rateOf(() => deliver(event(next++)), clients, options.seconds / 3);
  }
  for (let round = 0; round < options.rounds; round += 1) {
    for (const [side, deliver] of Object.entries(sides)) {
      const rate = await rateOf(() => deliver(event(next++)), clients, options.seconds);
      rates[side]?.push(rate);
    }
  }
  results.push({ clients, rates });
}
console.log(JSON.stringify(results));
Deno.exit(0);
