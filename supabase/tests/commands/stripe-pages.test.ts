import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import Stripe from "stripe";
import { afterEach, describe, expect, it } from "vitest";
import { createDeliveries, newEvent } from "../support/local-stack.ts";
import { type StripeStandIn, startStripeStandIn } from "../support/stripe-stand-in.ts";

/** What a person clicks through, and what the webhook hears of it. */

const secret = "whsec_of_this_test";
const cleanups: Array<() => Promise<unknown>> = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startStripe(options = {}): Promise<{ fake: StripeStandIn; stripe: Stripe }> {
  const fake = await startStripeStandIn(options);
  cleanups.push(fake.close);
  const { hostname, port } = new URL(fake.url);
  return { fake, stripe: new Stripe("sk_test_pages", { protocol: "http", host: hostname, port }) };
}

/** A webhook that answers with one status after the other, and 200 from then on. */
async function startWebhook(...statuses: number[]) {
  const events: Stripe.Event[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const header = String(request.headers["stripe-signature"]);
    events.push(Stripe.webhooks.constructEvent(body, header, secret));
    response.writeHead(statuses.shift() ?? 200).end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, events };
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
  it("shows what is sold and what it costs, and a link that leads back", async () => {
    const { stripe } = await startStripe();
    const { url } = await openCheckout(stripe);
    const answer = await fetch(url ?? "");
    const shown = await answer.text();
    expect(answer.headers.get("content-type")).toContain("text/html");
    expect(shown).toContain("2 × Ten credits, $12.50");
    expect(shown).toContain("<strong>$25.00</strong>");
    expect(shown).toContain('<a href="http://localhost:5173/plans">');
  });

  it("shows a product's name as text, whatever is in it", async () => {
    const { stripe } = await startStripe();
    const { url } = await openCheckout(stripe, `<script>"alert" & 'more'</script>`);
    const shown = await (await fetch(url ?? "")).text();
    expect(shown).not.toContain("<script>");
    expect(shown).toContain("&#60;script&#62;&#34;alert&#34; &#38; &#39;more&#39;");
  });

  it("leads to the app when the card is charged", async () => {
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

  it("says that the card is declined, and lets another be tried", async () => {
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

  it("can be left to expire", async () => {
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

  it("waits until the webhook has heard of the payment", async () => {
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

  it("is not there for a session that is not", async () => {
    const { fake } = await startStripe();
    expect((await fetch(`${fake.url}/pay/cs_test_none`)).status).toBe(404);
    expect((await fetch(`${fake.url}/portal/bps_none`)).status).toBe(404);
  });
});

describe("events", () => {
  const event = () => newEvent("invoice.paid", { id: "in_1", object: "invoice" }, "2026-01-01");

  it("are signed so that Stripe's own library believes them", async () => {
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

  it("are sent again, signed anew, until they are taken", async () => {
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

  it("wait until there is a webhook", async () => {
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

describe("the stand-in, started on what an earlier one has kept,", () => {
  it("has the same objects at the same place", async () => {
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
