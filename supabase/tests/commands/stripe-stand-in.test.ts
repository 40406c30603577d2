import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Stripe from "stripe";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { triggerStripe } from "../support/stripe-cli.ts";
import { type StripeStandIn, startStripeStandIn } from "../support/stripe-stand-in.ts";

/** The fake is believed by Stripe's own client and by Stripe's own command line, not only by us. */

let fake: StripeStandIn;
let stripe: Stripe;
let home: string;

beforeAll(async () => {
  fake = await startStripeStandIn();
  stripe = new Stripe("sk_test_fake", { ...hostOf(fake), maxNetworkRetries: 0 });
  home = await mkdtemp(join(tmpdir(), "pinebase-stripe-"));
});

afterAll(async () => {
  await fake?.close();
  if (home) await rm(home, { recursive: true });
});

describe("Stripe's client", () => {
  it("finds a coupon again by the id it gave it", async () => {
    await stripe.coupons.create({
      id: "mine",
      percent_off: 12.5,
      duration: "once",
      metadata: { a: "b" },
    });
    expect(await stripe.coupons.retrieve("mine")).toMatchObject({
      percent_off: 12.5,
      metadata: { a: "b" },
    });
  });

  it("is told that an id is taken", async () => {
    await stripe.coupons.create({ id: "taken", percent_off: 10 });
    await expect(stripe.coupons.create({ id: "taken", percent_off: 10 })).rejects.toMatchObject({
      statusCode: 400,
      code: "resource_already_exists",
    });
  });

  it("is told what is not there", async () => {
    await expect(stripe.coupons.retrieve("missing")).rejects.toMatchObject({
      statusCode: 404,
      code: "resource_missing",
    });
  });

  it("is refused a parameter that there is not", async () => {
    const create = stripe.coupons.create({
      percent_off: 10,
      colour: "red",
    } as Stripe.CouponCreateParams);
    await expect(create).rejects.toMatchObject({ code: "parameter_unknown", param: "colour" });
  });

  it("is refused one that is not there deep down", async () => {
    const customer = { invoice_settings: { default_payment_method: "pm", colour: "red" } };
    await expect(
      stripe.customers.create(customer as Stripe.CustomerCreateParams),
    ).rejects.toMatchObject({
      code: "parameter_unknown",
      param: "invoice_settings[colour]",
    });
  });

  it("is refused a value that cannot be, and a parameter that is missing", async () => {
    await expect(stripe.coupons.create({ percent_off: 101 })).rejects.toMatchObject({
      param: "percent_off",
    });
    await expect(
      stripe.coupons.create({ percent_off: 1, name: "x".repeat(41) }),
    ).rejects.toMatchObject({
      param: "name",
    });
    await expect(stripe.products.create({} as Stripe.ProductCreateParams)).rejects.toMatchObject({
      code: "parameter_missing",
      param: "name",
    });
  });

  it("gets one answer for one idempotency key", async () => {
    const create = () => stripe.coupons.create({ percent_off: 5 }, { idempotencyKey: "same" });
    const [first, second] = [await create(), await create()];
    expect(second.id).toBe(first.id);
    expect(second.lastResponse.headers["idempotent-replayed"]).toBe("true");
  });

  it("cannot use a key for something else", async () => {
    await stripe.coupons.create({ percent_off: 5 }, { idempotencyKey: "other" });
    await expect(
      stripe.coupons.create({ percent_off: 6 }, { idempotencyKey: "other" }),
    ).rejects.toMatchObject({ statusCode: 400, type: "StripeIdempotencyError" });
  });

  it("may use a key again after its request was refused for its form", async () => {
    const key = { idempotencyKey: "corrected" };
    await expect(stripe.coupons.create({ percent_off: 101 }, key)).rejects.toMatchObject({
      param: "percent_off",
    });
    expect(await stripe.coupons.create({ percent_off: 100 }, key)).toMatchObject({
      percent_off: 100,
    });
  });

  it("gets an error again for the same key, though the reason is gone", async () => {
    const create = () =>
      stripe.coupons.create({ id: "again", percent_off: 5 }, { idempotencyKey: "again" });
    fake.put("coupon", { id: "again" });
    await expect(create()).rejects.toMatchObject({ code: "resource_already_exists" });
    await stripe.coupons.del("again");
    await expect(create()).rejects.toMatchObject({ code: "resource_already_exists" });
  });

  it("needs a key of the test mode", async () => {
    const stranger = new Stripe("rk_none", { ...hostOf(fake), maxNetworkRetries: 0 });
    await expect(stranger.coupons.retrieve("mine")).rejects.toMatchObject({ statusCode: 401 });
  });

  it("can end a subscription, once", async () => {
    const customer = await stripe.customers.create({
      payment_method: "pm_card_visa",
      invoice_settings: { default_payment_method: "pm_card_visa" },
    });
    const product = await stripe.products.create({ name: "Premium" });
    const price = await stripe.prices.create({
      product: product.id,
      currency: "usd",
      unit_amount: 900,
      recurring: { interval: "month" },
    });
    const { id, status } = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
    });
    expect(status).toBe("active");
    expect(await stripe.subscriptions.cancel(id)).toMatchObject({ status: "canceled" });
    await expect(stripe.subscriptions.cancel(id)).rejects.toMatchObject({
      code: "resource_missing",
    });
  });
});

describe("Stripe's command line", () => {
  const trigger = (event: string, ...args: string[]) =>
    triggerStripe(fake.url, home, event, ...args);

  it("makes a coupon", async () => {
    const before = fake.objects("coupon").length;
    await trigger("coupon.created", "--add", "coupon:id=by_cli");
    expect(fake.objects("coupon")).toHaveLength(before + 1);
    expect(await stripe.coupons.retrieve("by_cli")).toMatchObject({ percent_off: 20 });
  });

  it("makes a subscription with all that belongs to it, and ends it", async () => {
    await trigger("customer.subscription.deleted");
    expect(fake.objects("subscription").at(-1)).toMatchObject({ status: "canceled" });
  });

  it("is refused a parameter that there is not", async () => {
    const before = fake.objects("coupon").length;
    await expect(trigger("coupon.created", "--add", "coupon:colour=red")).rejects.toThrow();
    expect(fake.objects("coupon")).toHaveLength(before);
  });
});

function hostOf({ url }: StripeStandIn) {
  const { hostname, port } = new URL(url);
  return { protocol: "http", host: hostname, port } as const;
}
