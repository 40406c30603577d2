import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runNodeProgram } from "../../../scripts/lib/child.ts";
import { billingOf, newEvent, offerPlans, prices, signedDelivery } from "../support/billing.ts";
import { gather } from "../support/crowd.ts";
import { startKeyedFunctions, webhookSecret } from "../support/keyed-functions.ts";
import { stack } from "../support/stack.ts";
import { type StripeFake, startStripeFake } from "../support/stripe-fake.ts";

/** The operator's commands, against a Stripe of the tests' own. */

let stripe: StripeFake;
beforeAll(async () => {
  stripe = await startStripeFake();
});
afterAll(() => stripe?.close());

const run = (command: string, args: string[], env: Record<string, string> = {}) =>
  runNodeProgram("scripts/run.cjs", [command, ...args], {
    env: { STRIPE_SECRET_KEY: "sk_test_commands", STRIPE_API_BASE: stripe.url, ...env },
  });

describe("stripe:setup", () => {
  // The second database has plans of its own, which no other test looks at.
  const remote = `--remote=${stack.REVOKED_DB_URL ?? stack.DB_URL}`;
  const amounts = ["--amount", "premium_monthly=900", "--amount", "premium_yearly=9000"];

  const storedPrices = async () => {
    const sql = postgres(stack.REVOKED_DB_URL ?? stack.DB_URL, { max: 1 });
    const rows =
      await sql`select provider_price_id as id from public.prices where is_current order by plan_type`;
    await sql.end();
    return rows.map(({ id }) => id);
  };
  const requests = () => stripe.requests.filter(({ method }) => method === "POST").length;

  it("only tells what it would do in a dry run", async () => {
    const { code, output } = await run("stripe-setup", [remote, ...amounts, "--dry-run"]);
    expect([code, output]).toEqual([
      0,
      expect.stringContaining("would make the price of premium_monthly"),
    ]);
    expect(requests()).toBe(0);
  });

  it("asks for the amount of a price that is missing", async () => {
    const { code, output } = await run("stripe-setup", [remote]);
    expect(code).toBe(1);
    expect(output).toContain("premium_monthly has no price at Stripe yet");
    expect(output).not.toContain("    at ");
  });

  it("makes product, prices and portal once, however often it runs, and stores the prices", async () => {
    for (const args of [amounts, []]) {
      const { code, output } = await run("stripe-setup", [remote, ...args]);
      expect([code, output]).toEqual([
        0,
        expect.stringContaining("STRIPE_PORTAL_CONFIGURATION=bpc_"),
      ]);
    }
    expect(stripe.objects("product")).toHaveLength(1);
    expect(stripe.objects("portal")).toHaveLength(1);
    const made = stripe.objects("price");
    expect(made.map(({ lookup_key, unit_amount }) => [lookup_key, unit_amount])).toEqual([
      ["premium_monthly", 900],
      ["premium_yearly", 9000],
    ]);
    expect(await storedPrices()).toEqual(made.map(({ id }) => id));
  });

  it("does not touch the live mode unasked", async () => {
    const before = stripe.requests.length;
    const { code, output } = await run("stripe-setup", [remote, ...amounts], {
      STRIPE_SECRET_KEY: "sk_live_commands",
    });
    expect([code, output]).toEqual([1, expect.stringContaining("live mode")]);
    expect(stripe.requests).toHaveLength(before);
  });

  it("needs a key", async () => {
    const { code, output } = await run("stripe-setup", [remote], { STRIPE_SECRET_KEY: "" });
    expect([code, output]).toEqual([1, expect.stringContaining("STRIPE_SECRET_KEY is not set")]);
  });
});

describe("webhooks:replay", () => {
  it("finishes an event that failed, by what Stripe says now", async () => {
    await offerPlans();
    const [user] = await gather(1);
    const id = `sub_${randomUUID()}`;
    const now = Math.floor(Date.now() / 1000);
    const subscription = {
      id,
      object: "subscription",
      customer: `cus_${randomUUID()}`,
      livemode: false,
      status: "incomplete",
      metadata: { pinebase_user_id: user?.id },
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
    const remote = [`--remote=${stack.DB_URL}`, "--event", event.id];
    expect((await run("webhooks-replay", [...remote, "--dry-run"])).output).toContain("failed");
    expect((await billingOf(user?.id ?? "")).subscriptions).toEqual([]);
    const { code, output } = await run("webhooks-replay", remote);
    expect([code, output]).toEqual([0, expect.stringContaining("processed")]);
    expect(await billingOf(user?.id ?? "")).toMatchObject({
      credits: 105,
      subscriptions: [{ status: "active" }],
    });
    expect((await run("webhooks-replay", remote)).output).toContain("nothing to replay");
  });

  it("does not believe old events of another project without its key", async () => {
    const { code, output } = await run("webhooks-replay", [`--remote=${stack.DB_URL}`], {
      STRIPE_SECRET_KEY: "",
    });
    expect([code, output]).toEqual([1, expect.stringContaining("Without STRIPE_SECRET_KEY")]);
  });
});

describe("sweep", () => {
  it("says what it did", async () => {
    const { code, output } = await run("sweep", [`--remote=${stack.DB_URL}`]);
    expect([code, output]).toEqual([0, expect.stringContaining("ledger_disagreements")]);
  });
});
