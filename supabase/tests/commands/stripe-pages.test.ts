import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import Stripe from "stripe";
import { afterEach, describe, expect, it } from "vitest";
import { createDeliveries, newEvent } from "../support/local-stack.ts";
import { listen } from "../support/server.ts";
import {
  type StripeStandIn,
  startStripeStandIn,
  stripeClient,
} from "../support/stripe-stand-in.ts";

/** The pages of the stand-in for Stripe, and the events that it delivers to the webhook. */

const secret = "whsec_of_this_test";
const cleanups: Array<() => Promise<unknown>> = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startStripe(options = {}): Promise<{ fake: StripeStandIn; stripe: Stripe }> {
  const fake = await startStripeStandIn(options);
  cleanups.push(fake.close);
  return { fake, stripe: stripeClient(fake.url) };
}

/** A webhook that answers with these statuses in order, and then with 200. */
async function startWebhook(...statuses: number[]) {
  const events: Stripe.Event[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const header = String(request.headers["stripe-signature"]);
    events.push(Stripe.webhooks.constructEvent(body, header, secret));
    response.writeHead(statuses.shift() ?? 200).end("{}");
  });
  const { url, close } = await listen(server);
  cleanups.push(close);
  return { url, events };
}

async function openCheckout(
  stripe: Stripe,
  name = "Ten credits",
): Promise<Stripe.Checkout.Session> {
  const product = await stripe.products.create({ name });
  const price = await stripe.prices.create({
    product: product.id,
    currency: "usd",
    unit_amount: 1250,
  });
  return stripe.checkout.sessions.create({
    mode: "payment",
    line_items: [{ price: price.id, quantity: 2 }],
    success_url: "http://localhost:5173/done?session={CHECKOUT_SESSION_ID}",
    cancel_url: "http://localhost:5173/plans",
  });
}

const statusOf = async (stripe: Stripe, { id }: Stripe.Checkout.Session) =>
  (await stripe.checkout.sessions.retrieve(id)).status;

async function press(url: string | null, form: Record<string, string>) {
  const body = new URLSearchParams(form);
  const answer = await fetch(url ?? "", { method: "POST", body, redirect: "manual" });
  return {
    status: answer.status,
    location: answer.headers.get("location"),
    text: await answer.text(),
  };
}

describe("the checkout page", () => {
  it("shows what is sold, its price, and a link back to the app", async () => {
    const { stripe } = await startStripe();
    const { url } = await openCheckout(stripe);
    const answer = await fetch(url ?? "");
    const shown = await answer.text();
    expect(answer.headers.get("content-type")).toContain("text/html");
    expect(shown).toContain("2 × Ten credits, $12.50");
    expect(shown).toContain("<strong>$25.00</strong>");
    expect(shown).toContain('<a href="http://localhost:5173/plans">');
  });

  it("escapes HTML in a product's name", async () => {
    const { stripe } = await startStripe();
    const { url } = await openCheckout(stripe, `<script>"alert" & 'more'</script>`);
    const shown = await (await fetch(url ?? "")).text();
    expect(shown).not.toContain("<script>");
    expect(shown).toContain("&#60;script&#62;&#34;alert&#34; &#38; &#39;more&#39;");
  });

  it("redirects to the app when the card is charged", async () => {
    const { stripe } = await startStripe();
    const session = await openCheckout(stripe);
    const form = { action: "pay", payment_method: "pm_card_visa" };
    expect(await press(session.url, form)).toMatchObject({
      status: 303,
      location: `http://localhost:5173/done?session=${session.id}`,
    });
    expect(await statusOf(stripe, session)).toBe("complete");
    expect((await press(session.url, form)).status).toBe(410);
  });

  it("shows that the card was declined, and accepts another", async () => {
    const { stripe } = await startStripe();
    const session = await openCheckout(stripe);
    const declined = await press(session.url, {
      action: "pay",
      payment_method: "pm_card_visa_chargeDeclined",
    });
    expect(declined.status).toBe(402);
    expect(declined.text).toContain('<p role="alert">Your card was declined.</p>');
    expect(await statusOf(stripe, session)).toBe("open");
    const paid = await press(session.url, { action: "pay", payment_method: "pm_card_visa" });
    expect(paid.status).toBe(303);
  });

  it("can expire the checkout", async () => {
    const { fake, stripe } = await startStripe();
    const types: string[] = [];
    fake.onEvent((type) => types.push(type));
    const session = await openCheckout(stripe);
    expect(await press(session.url, { action: "expire" })).toMatchObject({
      status: 303,
      location: "http://localhost:5173/plans",
    });
    expect(await statusOf(stripe, session)).toBe("expired");
    expect(types).toContain("checkout.session.expired");
  });

  it("redirects only after the events were delivered", async () => {
    const order: string[] = [];
    const delivered = async () => void order.push("delivered");
    const { fake, stripe } = await startStripe({ delivered });
    fake.onEvent((type) => order.push(type));
    const { url } = await openCheckout(stripe);
    order.length = 0;
    await press(url, { action: "pay", payment_method: "pm_card_visa" });
    expect(order.at(-2)).toBe("checkout.session.completed");
    expect(order.at(-1)).toBe("delivered");
  });

  it("answers 404 for a session that does not exist", async () => {
    const { fake } = await startStripe();
    expect((await fetch(`${fake.url}/pay/cs_test_none`)).status).toBe(404);
    expect((await fetch(`${fake.url}/portal/bps_none`)).status).toBe(404);
  });
});

describe("events", () => {
  const event = () => newEvent("invoice.paid", { id: "in_1", object: "invoice" }, "2026-01-01");

  it("have a signature that Stripe's own library accepts", async () => {
    const webhook = await startWebhook();
    const deliveries = createDeliveries(() => {});
    cleanups.push(deliveries.stop);
    deliveries.start({ url: webhook.url, secret });
    const sent = event();
    deliveries.add(sent);
    await deliveries.tried();
    expect(webhook.events).toMatchObject([
      { id: sent.id, type: "invoice.paid", livemode: false, data: { object: { id: "in_1" } } },
    ]);
    expect(deliveries.pending()).toEqual([]);
  });

  it("are sent again, with a new signature, until the webhook accepts them", async () => {
    const webhook = await startWebhook(503, 500);
    const deliveries = createDeliveries(() => {});
    cleanups.push(deliveries.stop);
    deliveries.start({ url: webhook.url, secret });
    const sent = event();
    deliveries.add(sent);
    await deliveries.tried();
    expect(deliveries.pending()).toEqual([sent]);
    await expect.poll(() => deliveries.pending(), { timeout: 20_000 }).toEqual([]);
    expect(webhook.events.map(({ id }) => id)).toEqual([sent.id, sent.id, sent.id]);
  });

  it("are kept until there is a webhook", async () => {
    const webhook = await startWebhook();
    const deliveries = createDeliveries(() => {});
    cleanups.push(deliveries.stop);
    const sent = event();
    deliveries.add(sent);
    expect(deliveries.pending()).toEqual([sent]);
    deliveries.start({ url: webhook.url, secret });
    await deliveries.tried();
    expect(webhook.events).toHaveLength(1);
  });
});

describe("the stand-in, started with the objects of an earlier one,", () => {
  it("has the same objects at the same URL", async () => {
    const first = await startStripe();
    const session = await openCheckout(first.stripe);
    const { port } = first.fake;
    const objects = JSON.parse(JSON.stringify(first.fake.dump()));
    await first.fake.close();
    const second = await startStripe({ port, objects });
    expect(second.fake.port).toBe(port);
    expect(await second.stripe.checkout.sessions.retrieve(session.id)).toMatchObject({
      url: session.url,
      status: "open",
    });
  });
});
