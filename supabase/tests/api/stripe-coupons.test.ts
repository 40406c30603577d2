import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { asOperator } from "../support/clients.ts";
import { gather, type Member, postAs } from "../support/crowd.ts";
import { type Functions, startFunctions } from "../support/local-stack.ts";
import { stack } from "../support/stack.ts";
import { type StripeStandIn, startStripeStandIn } from "../support/stripe-stand-in.ts";

/** The functions with a key of Stripe, against a Stripe of the tests' own. */

let stripe: StripeStandIn;
let functions: Functions;
let dir: string;
let crowd: Member[];

beforeAll(async () => {
  stripe = await startStripeStandIn();
  dir = await mkdtemp(join(tmpdir(), "pinebase-functions-"));
  functions = await startFunctions({
    dir,
    environment: {
      SUPABASE_URL: stack.API_URL,
      SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: stack.PUBLISHABLE_KEY }),
      SUPABASE_SECRET_KEYS: JSON.stringify({ default: stack.SECRET_KEY }),
      STRIPE_SECRET_KEY: "sk_test_of_the_tests",
      STRIPE_API_BASE: stripe.url,
    },
  });
  crowd = await gather(8);
});

afterEach(() => stripe.trouble(null));

afterAll(async () => {
  await functions?.stop();
  await stripe?.close();
  if (dir) await rm(dir, { recursive: true });
});

async function newCoupon(): Promise<string> {
  const code = `STRIPE-${randomUUID().slice(0, 13).toUpperCase()}`;
  await asOperator(
    (sql) =>
      sql`insert into public.coupons (code, discount_percent, duration) values (${code}, 30, 'forever')`,
  );
  return code;
}

async function row(code: string) {
  return asOperator(async (sql) => {
    const [found] = await sql<{ id: string; uses: number; stripe_coupon_id: string | null }[]>`
      select id, current_uses as uses, stripe_coupon_id from public.coupons where code = ${code}
    `;
    if (!found) throw new Error(`no coupon ${code}`);
    return found;
  });
}

const mirrors = (couponId: string) =>
  stripe
    .objects("coupon")
    .filter(({ metadata }) => (metadata as Record<string, string>).pinebase_coupon_id === couponId);

const redeem = (member: Member | undefined, body: object) => {
  if (!member) throw new Error("nobody came");
  return postAs(member, "redeem-coupon", body, functions.url);
};

describe("a coupon that is redeemed", () => {
  it("is at Stripe then, with its terms, and the row says under which id", async () => {
    const code = await newCoupon();
    expect(await redeem(crowd[0], { code })).toMatchObject({
      status: 200,
      body: { checkout_discount: true },
    });
    const { id, stripe_coupon_id } = await row(code);
    expect(mirrors(id)).toMatchObject([
      { id: stripe_coupon_id, percent_off: 30, duration: "forever", name: code },
    ]);
  });

  it("is at Stripe once, however many redeem it first at the same time", async () => {
    const code = await newCoupon();
    const answers = await Promise.all(crowd.map((member) => redeem(member, { code })));
    expect(answers.every(({ status, body }) => status === 200 && body.checkout_discount)).toBe(
      true,
    );
    const { id, uses, stripe_coupon_id } = await row(code);
    expect(uses).toBe(crowd.length);
    expect(mirrors(id).map((mirror) => mirror.id)).toEqual([stripe_coupon_id]);
  });

  it("is made again where somebody deleted it at Stripe", async () => {
    const code = await newCoupon();
    const { id } = await row(code);
    const stale = `pinebase_${id}_30_forever`;
    await asOperator(
      (sql) => sql`update public.coupons set stripe_coupon_id = ${stale} where code = ${code}`,
    );
    expect(await redeem(crowd[1], { code })).toMatchObject({ body: { checkout_discount: true } });
    expect(mirrors(id)).toHaveLength(1);
  });

  it("stays redeemed, once, while Stripe is down, and is mirrored by the next", async () => {
    const code = await newCoupon();
    stripe.trouble({ fails: 500 });
    expect(await redeem(crowd[2], { code })).toMatchObject({
      status: 200,
      body: { coupon: { code }, checkout_discount: false },
    });
    expect(await row(code)).toMatchObject({ uses: 1, stripe_coupon_id: null });

    stripe.trouble(null);
    expect(await redeem(crowd[2], { code })).toMatchObject({ status: 409 });
    expect(await redeem(crowd[3], { code })).toMatchObject({ body: { checkout_discount: true } });
    const { id, uses } = await row(code);
    expect([uses, mirrors(id).length]).toEqual([2, 1]);
  });

  it("is not made twice when Stripe's answer is lost", async () => {
    const code = await newCoupon();
    stripe.trouble({ lost: true });
    expect(await redeem(crowd[4], { code })).toMatchObject({
      status: 200,
      body: { checkout_discount: false },
    });
    stripe.trouble(null);
    expect(await redeem(crowd[5], { code })).toMatchObject({ body: { checkout_discount: true } });
    expect(mirrors((await row(code)).id)).toHaveLength(1);
  });

  it("is not waited for when Stripe does not answer", async () => {
    const code = await newCoupon();
    let release = () => {};
    stripe.trouble({
      waits: new Promise<void>((resolve) => {
        release = resolve;
      }),
    });
    expect(await redeem(crowd[6], { code })).toMatchObject({
      status: 200,
      body: { checkout_discount: false },
    });
    release();
    expect((await row(code)).uses).toBe(1);
  });
});

describe("a preview", () => {
  it("leaves no trace at Stripe", async () => {
    const code = await newCoupon();
    const before = stripe.requests.length;
    expect(await redeem(crowd[7], { code, preview: true })).toMatchObject({
      status: 200,
      body: { coupon: { discount_percent: 30 }, checkout_discount: false },
    });
    expect(stripe.requests).toHaveLength(before);
    expect(await row(code)).toMatchObject({ uses: 0, stripe_coupon_id: null });
  });
});

describe("an account with a subscription that is scheduled to end", () => {
  const subscribe = async (member: Member, id: string) => {
    await asOperator(
      (sql) => sql`
        insert into public.subscriptions (user_id, status, provider, provider_subscription_id, plan_type, cancel_at)
        values (${member.id}, 'active', 'stripe', ${id}, 'premium_monthly', now() + interval '1 day')
      `,
    );
  };
  const remove = (member: Member) =>
    postAs(member, "delete-account", { confirm_email: member.email }, functions.url);

  it("is deleted, and the subscription ended at Stripe", async () => {
    const [member] = await gather(1);
    if (!member) throw new Error("nobody came");
    const id = `sub_${randomUUID()}`;
    stripe.put("subscription", { id, status: "active" });
    await subscribe(member, id);
    expect(await remove(member)).toMatchObject({ status: 200, body: { deleted: true } });
    expect(stripe.objects("subscription").find((one) => one.id === id)).toMatchObject({
      status: "canceled",
    });
  });

  it("is still there while Stripe does not end it", async () => {
    const [member] = await gather(1);
    if (!member) throw new Error("nobody came");
    await subscribe(member, `sub_${randomUUID()}`);
    stripe.trouble({ fails: 500 });
    expect(await remove(member)).toMatchObject({
      status: 502,
      body: { error: { code: "upstream_error" } },
    });
    const [found] = await asOperator((sql) => sql`select from auth.users where id = ${member.id}`);
    expect(found).toBeDefined();
  });
});
