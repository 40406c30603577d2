import type Stripe from "stripe";
import { z } from "zod";
import { isMissingAtStripe, isTakenAtStripe } from "./client.ts";

/** What Stripe has to know of a coupon: a part of its row. */
export const couponTermsSchema = z.object({
  id: z.uuid(),
  code: z.string(),
  discount_percent: z.number(),
  duration: z.enum(["once", "forever"]),
});

/** What Stripe has to know of a coupon. */
export type CouponTerms = z.output<typeof couponTermsSchema>;

/** The part of Stripe's client that keeps coupons. */
export interface StripeCoupons {
  retrieve(id: string): Promise<unknown>;
  create(params: Stripe.CouponCreateParams, options: { idempotencyKey: string }): Promise<unknown>;
}

/**
 * The id of a coupon's mirror at Stripe. The terms are in it because Stripe never changes a coupon's: where ours
 * change, the next checkout finds no mirror with the new ones and makes it.
 */
export function stripeCouponId({ id, discount_percent, duration }: CouponTerms): string {
  return `pinebase_${id}_${discount_percent}_${duration}`;
}

/**
 * Makes sure that a coupon is at Stripe and gives its id there. Its id is ours, so it is found again whoever
 * made it, and of two that make it at once the second finds it taken.
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
