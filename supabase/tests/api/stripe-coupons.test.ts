import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { asOperator } from "../support/clients.ts";
import { newCoupon as insertCoupon } from "../support/coupons.ts";
import { type KeyedFunctions, startKeyedFunctions } from "../support/keyed-functions.ts";
import { createMember, createMembers, type Member, postAs } from "../support/members.ts";
import { type StripeStandIn, startStripeStandIn } from "../support/stripe-stand-in.ts";

/** Coupons that are mirrored at Stripe, and accounts that are deleted there, with a stand-in for Stripe. */

let stripe: StripeStandIn;
let functions: KeyedFunctions;
let members: Member[];

beforeAll(async () => {
  stripe = await startStripeStandIn();
  functions = await startKeyedFunctions({
    STRIPE_SECRET_KEY: "sk_test_of_the_tests",
    STRIPE_API_BASE: stripe.url,
  });
  members = await createMembers(8);
});

afterEach(() => stripe.trouble(null));

afterAll(async () => {
  await functions?.stop();
  await stripe?.close();
});

const newCoupon = () => insertCoupon({ percent: 30, duration: "forever" });

async function row(code: string) {
  return asOperator(async (sql) => {
    const [found] = await sql<{ id: string; uses: number; stripe_coupon_id: string | null }[]>`
      select id, current_uses as uses, stripe_coupon_id from public.coupons where code = ${code}
    `;
    if (!found) throw new Error(`There is no coupon ${code}.`);
    return found;
  });
}

const mirrors = (couponId: string) =>
  stripe
    .objects("coupon")
    .filter(({ metadata }) => (metadata as Record<string, string>).pinebase_coupon_id === couponId);

const redeem = (member: Member | undefined, body: object) => {
  if (!member) throw new Error("There is no such member.");
  return postAs(member, "redeem-coupon", body, functions.url);
};

describe("a coupon that is redeemed", () => {
  it("is created at Stripe with its terms, and its row has the id from there", async () => {
    const code = await newCoupon();
    expect(await redeem(members[0], { code })).toMatchObject({
      status: 200,
      body: { checkout_discount: true },
    });
    const { id, stripe_coupon_id } = await row(code);
    expect(mirrors(id)).toMatchObject([
      { id: stripe_coupon_id, percent_off: 30, duration: "forever", name: code },
    ]);
  });

  it("is created at Stripe once when many users redeem it at the same time", async () => {
    const code = await newCoupon();
    const answers = await Promise.all(members.map((member) => redeem(member, { code })));
    expect(answers.every(({ status, body }) => status === 200 && body.checkout_discount)).toBe(
      true,
    );
    const { id, uses, stripe_coupon_id } = await row(code);
    expect(uses).toBe(members.length);
    expect(mirrors(id).map((mirror) => mirror.id)).toEqual([stripe_coupon_id]);
  });

  it("is created again after it was deleted at Stripe", async () => {
    const code = await newCoupon();
    const { id } = await row(code);
    const stale = `pinebase_${id}_30_forever`;
    await asOperator(
      (sql) => sql`update public.coupons set stripe_coupon_id = ${stale} where code = ${code}`,
    );
    expect(await redeem(members[1], { code })).toMatchObject({ body: { checkout_discount: true } });
    expect(mirrors(id)).toHaveLength(1);
  });

  it("stays redeemed while Stripe fails, and is created there by the next user", async () => {
    const code = await newCoupon();
    stripe.trouble({ fails: 500 });
    expect(await redeem(members[2], { code })).toMatchObject({
      status: 200,
      body: { coupon: { code }, checkout_discount: false },
    });
    expect(await row(code)).toMatchObject({ uses: 1, stripe_coupon_id: null });

    stripe.trouble(null);
    expect(await redeem(members[2], { code })).toMatchObject({ status: 409 });
    expect(await redeem(members[3], { code })).toMatchObject({ body: { checkout_discount: true } });
    const { id, uses } = await row(code);
    expect([uses, mirrors(id).length]).toEqual([2, 1]);
  });

  it("is not created twice when Stripe's answer was lost", async () => {
    const code = await newCoupon();
    stripe.trouble({ lost: true });
    expect(await redeem(members[4], { code })).toMatchObject({
      status: 200,
      body: { checkout_discount: false },
    });
    stripe.trouble(null);
    expect(await redeem(members[5], { code })).toMatchObject({ body: { checkout_discount: true } });
    expect(mirrors((await row(code)).id)).toHaveLength(1);
  });

  it("is redeemed in time while Stripe does not answer", async () => {
    const code = await newCoupon();
    let release = () => {};
    stripe.trouble({
      waits: new Promise<void>((resolve) => {
        release = resolve;
      }),
    });
    expect(await redeem(members[6], { code })).toMatchObject({
      status: 200,
      body: { checkout_discount: false },
    });
    release();
    expect((await row(code)).uses).toBe(1);
  });
});

describe("a preview", () => {
  it("sends Stripe no request", async () => {
    const code = await newCoupon();
    const before = stripe.requests.length;
    expect(await redeem(members[7], { code, preview: true })).toMatchObject({
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

  it("is deleted, and the subscription is ended at Stripe", async () => {
    const member = await createMember();
    const id = `sub_${randomUUID()}`;
    stripe.put("subscription", { id, status: "active" });
    await subscribe(member, id);
    expect(await remove(member)).toMatchObject({ status: 200, body: { deleted: true } });
    expect(stripe.objects("subscription").find((one) => one.id === id)).toMatchObject({
      status: "canceled",
    });
  });

  it("is kept while Stripe does not end the subscription", async () => {
    const member = await createMember();
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
