import type Stripe from "stripe";
import { z } from "zod";
import { isMissingAtStripe, isTakenAtStripe } from "./client.ts";

/** The columns of a coupon that its copy at Stripe is made of. */
export const couponTermsSchema = z.object({
  id: z.uuid(),
  code: z.string(),
  discount_percent: z.number(),
  duration: z.enum(["once", "forever"]),
});

/** The part of a coupon that its copy at Stripe is made of. */
export type CouponTerms = z.output<typeof couponTermsSchema>;

/** The part of Stripe's client that reads and creates coupons. */
export interface StripeCoupons {
  retrieve(id: string): Promise<unknown>;
  create(params: Stripe.CouponCreateParams, options: { idempotencyKey: string }): Promise<unknown>;
}

/**
 * The id of a coupon's copy at Stripe. It contains the terms, because a coupon at Stripe cannot change them: after a
 * change of ours, the next checkout finds no copy with the new terms and creates one.
 */
export function stripeCouponId({ id, discount_percent, duration }: CouponTerms): string {
  return `pinebase_${id}_${discount_percent}_${duration}`;
}

/**
 * Creates a coupon at Stripe unless it exists, and returns its id there. The id is derived from ours, so that parallel
 * calls create one coupon.
 *
 * @throws what Stripe's client throws
 * @see https://docs.stripe.com/api/coupons/create
 */
export async function ensureStripeCoupon(
  coupons: StripeCoupons,
  terms: CouponTerms,
): Promise<string> {
  const id = stripeCouponId(terms);
  try {
    await coupons.retrieve(id);
    return id;
  } catch (error) {
    if (!isMissingAtStripe(error)) throw error;
  }
  try {
    await coupons.create(
      {
        id,
        // Stripe shows at most 40 characters on an invoice and refuses more.
        name: terms.code.slice(0, 40),
        percent_off: terms.discount_percent,
        duration: terms.duration,
        metadata: { pinebase_coupon_id: terms.id },
      },
      { idempotencyKey: `create_${id}` },
    );
  } catch (error) {
    if (!isTakenAtStripe(error)) throw error;
  }
  return id;
}
