import assert from "node:assert/strict";
import Stripe from "stripe";
import {
  type CouponTerms,
  ensureStripeCoupon,
  type StripeCoupons,
  stripeCouponId,
} from "../../functions/_shared/stripe/coupon.ts";

const terms: CouponTerms = {
  id: "0b7a3a8e-3f0c-4d0a-9c1e-5a1c2b3d4e5f",
  code: "A-VERY-LONG-CODE-OF-MORE-THAN-FORTY-CHARACTERS",
  discount_percent: 20,
  duration: "once",
};

function refusal(code: string) {
  return new Stripe.errors.StripeInvalidRequestError({
    type: "invalid_request_error",
    code,
    message: "No.",
  });
}

/** Stripe's coupons, with the given failures. */
function coupons(failures: { retrieve?: Error; create?: Error }) {
  const created: { id: string | undefined; name: string | undefined; idempotencyKey: string }[] =
    [];
  const fake: StripeCoupons = {
    retrieve: () => (failures.retrieve ? Promise.reject(failures.retrieve) : Promise.resolve({})),
    create: ({ id, name }, { idempotencyKey }) => {
      created.push({ id, name, idempotencyKey });
      return failures.create ? Promise.reject(failures.create) : Promise.resolve({});
    },
  };
  return { fake, created };
}

Deno.test("a coupon that exists at Stripe is not created again", async () => {
  const { fake, created } = coupons({});
  assert.equal(await ensureStripeCoupon(fake, terms), stripeCouponId(terms));
  assert.deepEqual(created, []);
});

Deno.test("a coupon that does not exist is created, with an id and an idempotency key derived from our row", async () => {
  const { fake, created } = coupons({ retrieve: refusal("resource_missing") });
  const id = await ensureStripeCoupon(fake, terms);
  assert.match(id, new RegExp(terms.id));
  assert.deepEqual(created, [
    { id, name: terms.code.slice(0, 40), idempotencyKey: `create_${id}` },
  ]);
});

Deno.test("a coupon that was created in the meantime is used", async () => {
  const { fake } = coupons({
    retrieve: refusal("resource_missing"),
    create: refusal("resource_already_exists"),
  });
  assert.equal(await ensureStripeCoupon(fake, terms), stripeCouponId(terms));
});

for (const failures of [
  { retrieve: new Stripe.errors.StripeConnectionError({ type: "api_error", message: "Down." }) },
  { retrieve: refusal("resource_missing"), create: refusal("parameter_unknown") },
]) {
  Deno.test(`${Object.values(failures).at(-1)?.constructor.name} is an error`, async () => {
    await assert.rejects(ensureStripeCoupon(coupons(failures).fake, terms));
  });
}

Deno.test("other terms have another id, because a coupon's terms never change at Stripe", () => {
  const ids = [
    terms,
    { ...terms, discount_percent: 21 },
    { ...terms, duration: "forever" as const },
    { ...terms, id: "1b7a3a8e-3f0c-4d0a-9c1e-5a1c2b3d4e5f" },
  ].map(stripeCouponId);
  assert.equal(new Set(ids).size, ids.length);
});
