import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newEvent, offerPlans, type SentEvent, signedDelivery } from "../support/billing.ts";
import { type ScratchFolder, scratchFolder } from "../support/commands.ts";
import {
  type KeyedFunctions,
  startKeyedFunctions,
  webhookSecret,
} from "../support/keyed-functions.ts";
import { triggerStripe } from "../support/stripe-cli.ts";
import { type StripeStandIn, startStripeStandIn } from "../support/stripe-stand-in.ts";

/**
 * Scenarios of `stripe trigger`, Stripe's own command line. Their objects belong to no user, but none of their events may be
 * refused, because Stripe disables an endpoint that refuses events.
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
let keyed: KeyedFunctions;
let home: ScratchFolder;

beforeAll(async () => {
  home = await scratchFolder();
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
  await home?.remove();
});

async function deliver(event: SentEvent): Promise<string> {
  const url = `${keyed.url}/stripe-webhook`;
  const response = await fetch(signedDelivery(url, event, webhookSecret));
  const { status } = await response.json();
  return `${response.status} ${status}`;
}

describe("the webhook refuses no event of the scenario", () => {
  it.each(scenarios)("%s", async (scenario) => {
    const happened: { type: string; object: object; at: number }[] = [];
    const stop = stripe.onEvent((type, object) => {
      happened.push({ type, object, at: Math.floor(Date.now() / 1000) });
    });
    await triggerStripe(stripe.url, home.path, scenario).finally(stop);
    // A scenario named subscription.* creates an event named invoice.*.
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
