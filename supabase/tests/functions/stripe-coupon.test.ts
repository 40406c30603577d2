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

/** Coupons that fail as they are told to. */
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

Deno.test("a coupon that is at Stripe is not made again", async () => {
  const { fake, created } = coupons({});
  assert.equal(await ensureStripeCoupon(fake, terms), stripeCouponId(terms));
  assert.deepEqual(created, []);
});

Deno.test("one that is not is made, under an id and a key derived from our row", async () => {
  const { fake, created } = coupons({ retrieve: refusal("resource_missing") });
  const id = await ensureStripeCoupon(fake, terms);
  assert.match(id, new RegExp(terms.id));
  assert.deepEqual(created, [
    { id, name: terms.code.slice(0, 40), idempotencyKey: `create_${id}` },
  ]);
});

Deno.test("one that somebody else made in between is taken as it is", async () => {
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
  Deno.test(`${Object.values(failures).at(-1)?.constructor.name} is not taken for success`, async () => {
    await assert.rejects(ensureStripeCoupon(coupons(failures).fake, terms));
  });
}

Deno.test("other terms are another coupon at Stripe, where terms never change", () => {
  const ids = [
    terms,
    { ...terms, discount_percent: 21 },
    { ...terms, duration: "forever" as const },
    { ...terms, id: "1b7a3a8e-3f0c-4d0a-9c1e-5a1c2b3d4e5f" },
  ].map(stripeCouponId);
  assert.equal(new Set(ids).size, ids.length);
});
