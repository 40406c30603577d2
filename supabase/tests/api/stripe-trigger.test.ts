import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newEvent, offerPlans, type SentEvent, signedDelivery } from "../support/billing.ts";
import { startKeyedFunctions, webhookSecret } from "../support/keyed-functions.ts";
import { triggerStripe } from "../support/stripe-cli.ts";
import { type StripeStandIn, startStripeStandIn } from "../support/stripe-stand-in.ts";

/**
 * Scenarios of `stripe trigger`, by Stripe's own command line. What they make belongs to nobody here, and yet none
 * of their events may be refused: Stripe switches off an endpoint that refuses.
 */

const scenarios = [
  "customer.subscription.created",
  "customer.subscription.updated",
  "customer.subscription.deleted",
  "customer.subscription.paused",
  "customer.subscription.trial_will_end",
  "customer.deleted",
  "subscription.payment_succeeded",
  "subscription.payment_failed",
  "invoice.paid",
  "invoice.payment_succeeded",
  "invoice.payment_failed",
  "invoice.payment_action_required",
  "checkout.session.completed",
  "checkout.session.async_payment_succeeded",
  "checkout.session.async_payment_failed",
  "checkout.session.expired",
  "charge.refunded",
  "charge.dispute.created",
  "payment_intent.succeeded",
  "payment_intent.payment_failed",
  "payment_intent.processing",
  "payment_intent.requires_action",
  "payment_intent.canceled",
];

let stripe: StripeStandIn;
let keyed: Awaited<ReturnType<typeof startKeyedFunctions>>;
let home: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "pinebase-trigger-"));
  stripe = await startStripeStandIn();
  keyed = await startKeyedFunctions({
    STRIPE_SECRET_KEY: "sk_test_trigger",
    STRIPE_API_BASE: stripe.url,
  });
  await offerPlans();
});

afterAll(async () => {
  await keyed?.stop();
  await stripe?.close();
  if (home) await rm(home, { recursive: true });
});

async function deliver(event: SentEvent): Promise<string> {
  const url = `${keyed.url}/stripe-webhook`;
  const response = await fetch(signedDelivery(url, event, webhookSecret));
  const { status } = await response.json();
  return `${response.status} ${status}`;
}

describe("no event is refused of", () => {
  it.each(scenarios)("%s", async (scenario) => {
    const happened: { type: string; object: object; at: number }[] = [];
    const stop = stripe.onEvent((type, object) => {
      happened.push({ type, object, at: Math.floor(Date.now() / 1000) });
    });
    await triggerStripe(stripe.url, home, scenario).finally(stop);
    // The command line's own name for the payment of a subscription's invoice.
    expect(happened.map(({ type }) => type)).toContain(
      scenario.replace(/^subscription/, "invoice"),
    );
    const answers = await Promise.all(
      happened.map(async ({ type, object, at }) => ({
        type,
        answer: await deliver(newEvent(type, object, at)),
      })),
    );
    const taken = expect.stringMatching(/^200 (processed|ignored|parked)$/);
    for (const { type, answer } of answers) expect([type, answer]).toEqual([type, taken]);
  });
});
