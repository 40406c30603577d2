import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { registeredEvents } from "../../functions/_shared/stripe/events.ts";
import { billingOf, newEvent, offerPlans, prices, signedDelivery } from "../support/billing.ts";
import { startKeyedFunctions, webhookSecret } from "../support/keyed-functions.ts";
import { createMember } from "../support/members.ts";
import { runNodeProgram } from "../support/programs.ts";
import { stack } from "../support/stack.ts";
import { type StripeStandIn, startStripeStandIn } from "../support/stripe-stand-in.ts";

/** The operator's billing commands, with a stand-in for Stripe. `billing:reconcile` has a test file of its own. */

let stripe: StripeStandIn;
beforeAll(async () => {
  stripe = await startStripeStandIn();
});
afterAll(() => stripe?.close());

const run = (command: string, args: string[], env: Record<string, string> = {}) =>
  runNodeProgram("scripts/run.cjs", [command, ...args], {
    env: { STRIPE_SECRET_KEY: "sk_test_commands", STRIPE_API_BASE: stripe.url, ...env },
  });

describe("stripe:setup", () => {
  // No other test uses the plans of the second database.
  const remote = `--remote=${stack.REVOKED_DB_URL ?? stack.DB_URL}`;
  const amounts = ["--amount", "premium_monthly=900", "--amount", "premium_yearly=9000"];

  const storedPrices = async () => {
    const sql = postgres(stack.REVOKED_DB_URL ?? stack.DB_URL, { max: 1 });
    const rows = await sql<{ id: string }[]>`
      select provider_price_id as id from public.prices
      where is_current and provider_price_id not in ('price_overview', 'price_yen')
    `;
    await sql.end();
    return rows.map(({ id }) => id).sort();
  };
  const offered = () =>
    stripe
      .objects("price")
      .filter(({ active }) => active)
      .map(({ lookup_key, currency, unit_amount, recurring }) => [
        ...[lookup_key, currency, unit_amount],
        (recurring as { interval: string } | null)?.interval ?? null,
      ]);
  const requests = () => stripe.requests.filter(({ method }) => method === "POST").length;

  it("with --dry-run only prints what it would do", async () => {
    const { code, output } = await run("stripe-setup", [remote, ...amounts, "--dry-run"]);
    expect([code, output]).toEqual([
      0,
      expect.stringContaining("would create the price of premium_monthly"),
    ]);
    expect(requests()).toBe(0);
  });

  it("names the price that is missing and has no amount given", async () => {
    const { code, output } = await run("stripe-setup", [remote]);
    expect(code).toBe(1);
    expect(output).toContain("premium_monthly has no price at Stripe yet");
    expect(output).not.toContain("    at ");
  });

  it("creates products, prices of plans and packs in several currencies, and the portal, once, and stores the prices", async () => {
    const given = [
      ...amounts,
      ...["--amount", "premium_monthly:eur=800", "--amount", "credits_100:usd=500"],
    ];
    for (const args of [given, [], given]) {
      const { code, output } = await run("stripe-setup", [remote, ...args]);
      expect([code, output]).toEqual([
        0,
        expect.stringContaining("STRIPE_PORTAL_CONFIGURATION=bpc_"),
      ]);
    }
    expect(offered()).toEqual([
      ["premium_monthly_usd", "usd", 900, "month"],
      ["premium_monthly_eur", "eur", 800, "month"],
      ["premium_yearly_usd", "usd", 9000, "year"],
      ["credits_100_usd", "usd", 500, null],
    ]);
    const made = stripe.objects("price");
    expect(await storedPrices()).toEqual(made.map(({ id }) => id).sort());
    expect(stripe.objects("product")).toHaveLength(4);
    // The portal offers plans alone: nobody changes from a pack to another.
    expect(stripe.objects("billing_portal.configuration")).toMatchObject([
      {
        features: {
          subscription_update: {
            products: made
              .filter(({ recurring }) => recurring)
              .map(({ id, product }) => ({ product, prices: [id] })),
          },
        },
      },
    ]);
  });

  it("raises a price by creating a new one, and leaves the old one to its subscribers", async () => {
    const [old] = stripe.objects("price");
    const raised = [remote, "--amount", "premium_monthly=1200"];
    expect((await run("stripe-setup", [...raised, "--dry-run"])).output).toContain(
      "would create the price of premium_monthly, 1200 usd instead of 900",
    );
    for (const args of [raised, raised]) expect((await run("stripe-setup", args)).code).toBe(0);
    expect(offered()).toContainEqual(["premium_monthly_usd", "usd", 1200, "month"]);
    expect(offered()).toHaveLength(4);
    expect(stripe.objects("price").find(({ id }) => id === old?.id)).toMatchObject({
      active: false,
      unit_amount: 900,
    });
    expect(await storedPrices()).not.toContain(old?.id);
    expect(await storedPrices()).toHaveLength(4);
  });

  it("refuses an amount for something that is not sold, and one that is malformed", async () => {
    for (const [amount, sentence] of [
      ["premium_weekly=100", "There is no active plan or pack premium_weekly"],
      ["premium_monthly:usd=9.00", "is not TYPE:CURRENCY=CENTS"],
    ] as const) {
      const { code, output } = await run("stripe-setup", [remote, "--amount", amount]);
      expect([code, output]).toEqual([1, expect.stringContaining(sentence)]);
    }
  });

  it("registers the webhook with the events that the function reads, and prints its secret once", async () => {
    const url = "https://project.pinebase.test/functions/v1/stripe-webhook";
    const args = [remote, "--webhook-url", url];
    const dry = await run("stripe-setup", [...args, "--dry-run"]);
    expect(dry.output).toContain("would create the webhook");
    expect(stripe.objects("webhook_endpoint")).toEqual([]);
    const first = await run("stripe-setup", args);
    expect(first.output).toMatch(/Set STRIPE_WEBHOOK_SECRET=whsec_\w+/);
    const [endpoint] = stripe.objects("webhook_endpoint");
    expect(endpoint).toMatchObject({ url, enabled_events: [...registeredEvents] });
    // Somebody has changed the events by hand.
    Object.assign(endpoint ?? {}, { enabled_events: ["invoice.paid"] });
    const again = await run("stripe-setup", args);
    expect(again.output).not.toContain("STRIPE_WEBHOOK_SECRET");
    expect(stripe.objects("webhook_endpoint")).toMatchObject([
      { url, enabled_events: [...registeredEvents] },
    ]);
  });

  it("does nothing in live mode without being told to", async () => {
    const before = stripe.requests.length;
    const { code, output } = await run("stripe-setup", [remote, ...amounts], {
      STRIPE_SECRET_KEY: "sk_live_commands",
    });
    expect([code, output]).toEqual([1, expect.stringContaining("live mode")]);
    expect(stripe.requests).toHaveLength(before);
  });

  it("names the key that it needs", async () => {
    const { code, output } = await run("stripe-setup", [remote], { STRIPE_SECRET_KEY: "" });
    expect([code, output]).toEqual([1, expect.stringContaining("STRIPE_SECRET_KEY is not set")]);
  });
});

describe("webhooks:replay", () => {
  it("applies an event that had failed, from the present state at Stripe", async () => {
    await offerPlans();
    const user = await createMember();
    const id = `sub_${randomUUID()}`;
    const now = Math.floor(Date.now() / 1000);
    const subscription = {
      id,
      object: "subscription",
      customer: `cus_${randomUUID()}`,
      livemode: false,
      status: "incomplete",
      metadata: { pinebase_user_id: user.id },
      items: {
        data: [
          {
            price: { id: prices.monthly },
            current_period_start: now,
            current_period_end: now + 2_592_000,
          },
        ],
      },
      latest_invoice: null,
    };
    const event = newEvent("customer.subscription.created", subscription, now);
    const functions = await startKeyedFunctions({
      STRIPE_SECRET_KEY: "sk_test_commands",
      STRIPE_API_BASE: stripe.url,
    });
    stripe.trouble({ fails: 500 });
    const response = await fetch(
      signedDelivery(`${functions.url}/stripe-webhook`, event, webhookSecret),
    );
    await functions.stop();
    stripe.trouble(null);
    expect(response.status).toBe(502);

    stripe.put("subscription", { ...subscription, status: "active" });
    const line = {
      id: `il_${randomUUID()}`,
      amount: 900,
      period: { start: now, end: now + 2_592_000 },
      pricing: { price_details: { price: prices.monthly } },
      parent: { subscription_item_details: { subscription: id, proration: false } },
    };
    stripe.put("invoice", {
      id: `in_${randomUUID()}`,
      object: "invoice",
      customer: subscription.customer,
      status: "paid",
      currency: "usd",
      amount_paid: 900,
      created: now,
      status_transitions: { paid_at: now },
      parent: { subscription_details: { subscription: id } },
      lines: { data: [line] },
    });
    const remote = [`--remote=${stack.DB_URL}`, "--event", event.id];
    expect((await run("webhooks-replay", [...remote, "--dry-run"])).output).toContain("failed");
    expect((await billingOf(user.id)).subscriptions).toEqual([]);
    const { code, output } = await run("webhooks-replay", remote);
    expect([code, output]).toEqual([0, expect.stringContaining("processed")]);
    expect(await billingOf(user.id)).toMatchObject({
      credits: 105,
      subscriptions: [{ status: "active" }],
    });
    expect((await run("webhooks-replay", remote)).output).toContain("nothing to replay");
  });

  it("names the keys that it needs, because it reads each event's object at the provider", async () => {
    const { code, output } = await run("webhooks-replay", [`--remote=${stack.DB_URL}`], {
      STRIPE_SECRET_KEY: "",
    });
    expect([code, output]).toEqual([1, expect.stringContaining("Neither STRIPE_SECRET_KEY")]);
  });
});

describe("billing:overview", () => {
  // No other test writes anything about billing into the second database.
  const url = stack.REVOKED_DB_URL ?? stack.DB_URL;
  const overview = (...args: string[]) => run("billing-overview", [`--remote=${url}`, ...args]);

  beforeAll(async () => {
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    const [user] = await sql<{ id: string }[]>`
      insert into auth.users (id, aud, role, email)
      values (gen_random_uuid(), 'authenticated', 'authenticated', 'overview@pinebase.test') returning id
    `;
    await sql`
      insert into public.prices (provider, provider_price_id, plan_type, currency, unit_amount, interval)
      values ('stripe', 'price_overview', 'premium_yearly', 'eur', 12000, 'year'), ('stripe', 'price_yen', 'premium_yearly', 'jpy', 18000, 'year')
    `;
    for (const price of ["price_overview", "price_yen"]) {
      await sql`
        insert into public.subscriptions (user_id, status, provider, provider_subscription_id, plan_type, price_id, current_period_end)
        select ${user?.id ?? null}, 'active', 'stripe', ${price}, 'premium_yearly', p.id, now() + interval '1 year'
        from public.prices as p where p.provider_price_id = ${price}
      `;
    }
    await sql`select public.sweep()`;
    await sql`
      insert into private.billing_flags (kind, provider, reference, user_id, reason)
      values ('refund', 'stripe', 're_overview', ${user?.id ?? null}, '500 eur were refunded (fraudulent).')
    `;
    await sql.end();
  });

  it("prints the figures and what needs attention, and exits with 1", async () => {
    const { code, output } = await overview();
    expect(code).toBe(1);
    // Each currency has its own row and number of decimals.
    expect(output).toMatch(/^eur +10\.00 +1 +0 +0$/m);
    expect(output).toMatch(/^jpy +1,500 +1 +0 +0$/m);
    expect(output).toMatch(/^premium_yearly +2 +0 +0 +0$/m);
    expect(output).toMatch(/^1 thing needs attention:$/m);
    expect(output).toMatch(/^refund:stripe:re_overview\n {2}since .+\n {2}500 eur were refunded/m);
  });

  it("prints one JSON object with --json, and exits with 0 when everything is dismissed", async () => {
    const item = "refund:stripe:re_overview";
    const { code, output } = await overview("--json", "--dismiss", item);
    const json = JSON.parse(output);
    expect([code, json.attention]).toEqual([0, []]);
    expect(json.by_currency).toEqual([
      { currency: "eur", mrr: 1_000, active: 1, trialing: 0, past_due: 0 },
      { currency: "jpy", mrr: 1_500, active: 1, trialing: 0, past_due: 0 },
    ]);
    const again = await overview("--dismiss", item);
    expect([again.code, again.output]).toEqual([1, expect.stringContaining("can be dismissed")]);
  });
});

describe("sweep", () => {
  it("prints what it has done", async () => {
    const { code, output } = await run("sweep", [`--remote=${stack.DB_URL}`]);
    expect([code, output]).toEqual([0, expect.stringContaining("ledger_disagreements")]);
  });
});
