import type Stripe from "stripe";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ScratchFolder, scratchFolder } from "../support/commands.ts";
import { triggerStripe } from "../support/stripe-cli.ts";
import {
  type StripeStandIn,
  startStripeStandIn,
  stripeClient,
} from "../support/stripe-stand-in.ts";

/** The stand-in for Stripe works with Stripe's own client and command line, and refuses what Stripe refuses. */

let fake: StripeStandIn;
let stripe: Stripe;
let home: ScratchFolder;

beforeAll(async () => {
  fake = await startStripeStandIn();
  stripe = stripeClient(fake.url);
  home = await scratchFolder();
});

afterAll(async () => {
  await fake?.close();
  await home?.remove();
});

describe("Stripe's client", () => {
  it("finds a coupon by the id that it has given", async () => {
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

  it("gets an error for an id that exists", async () => {
    await stripe.coupons.create({ id: "taken", percent_off: 10 });
    await expect(stripe.coupons.create({ id: "taken", percent_off: 10 })).rejects.toMatchObject({
      statusCode: 400,
      code: "resource_already_exists",
    });
  });

  it("gets an error for an object that does not exist", async () => {
    await expect(stripe.coupons.retrieve("missing")).rejects.toMatchObject({
      statusCode: 404,
      code: "resource_missing",
    });
  });

  it("gets an error for an unknown parameter", async () => {
    const create = stripe.coupons.create({
      percent_off: 10,
      colour: "red",
    } as Stripe.CouponCreateParams);
    await expect(create).rejects.toMatchObject({ code: "parameter_unknown", param: "colour" });
  });

  it("gets an error for an unknown nested parameter", async () => {
    const customer = { invoice_settings: { default_payment_method: "pm", colour: "red" } };
    await expect(
      stripe.customers.create(customer as Stripe.CustomerCreateParams),
    ).rejects.toMatchObject({
      code: "parameter_unknown",
      param: "invoice_settings[colour]",
    });
  });

  it("gets an error for an invalid value, and for a missing parameter", async () => {
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

  it("gets the same answer for the same idempotency key", async () => {
    const create = () => stripe.coupons.create({ percent_off: 5 }, { idempotencyKey: "same" });
    const [first, second] = [await create(), await create()];
    expect(second.id).toBe(first.id);
    expect(second.lastResponse.headers["idempotent-replayed"]).toBe("true");
  });

  it("cannot use an idempotency key for another request", async () => {
    await stripe.coupons.create({ percent_off: 5 }, { idempotencyKey: "other" });
    await expect(
      stripe.coupons.create({ percent_off: 6 }, { idempotencyKey: "other" }),
    ).rejects.toMatchObject({ statusCode: 400, type: "StripeIdempotencyError" });
  });

  it("may reuse an idempotency key after its request was refused as invalid", async () => {
    const key = { idempotencyKey: "corrected" };
    await expect(stripe.coupons.create({ percent_off: 101 }, key)).rejects.toMatchObject({
      param: "percent_off",
    });
    expect(await stripe.coupons.create({ percent_off: 100 }, key)).toMatchObject({
      percent_off: 100,
    });
  });

  it("gets the same error for the same idempotency key, even if its reason is gone", async () => {
    const create = () =>
      stripe.coupons.create({ id: "again", percent_off: 5 }, { idempotencyKey: "again" });
    fake.put("coupon", { id: "again" });
    await expect(create()).rejects.toMatchObject({ code: "resource_already_exists" });
    await stripe.coupons.del("again");
    await expect(create()).rejects.toMatchObject({ code: "resource_already_exists" });
  });

  it("needs a secret key", async () => {
    const stranger = stripeClient(fake.url, "rk_none");
    await expect(stranger.coupons.retrieve("mine")).rejects.toMatchObject({ statusCode: 401 });
  });

  it("can cancel a subscription, once", async () => {
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
    triggerStripe(fake.url, home.path, event, ...args);

  it("creates a coupon", async () => {
    const before = fake.objects("coupon").length;
    await trigger("coupon.created", "--add", "coupon:id=by_cli");
    expect(fake.objects("coupon")).toHaveLength(before + 1);
    expect(await stripe.coupons.retrieve("by_cli")).toMatchObject({ percent_off: 20 });
  });

  it("creates a subscription with its customer and price, and cancels it", async () => {
    await trigger("customer.subscription.deleted");
    expect(fake.objects("subscription").at(-1)).toMatchObject({ status: "canceled" });
  });

  it("gets an error for an unknown parameter", async () => {
    const before = fake.objects("coupon").length;
    await expect(trigger("coupon.created", "--add", "coupon:colour=red")).rejects.toThrow();
    expect(fake.objects("coupon")).toHaveLength(before);
  });
});
