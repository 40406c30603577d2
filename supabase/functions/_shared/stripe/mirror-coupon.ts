import { z } from "zod";
import type { Client } from "../supabase/clients.ts";
import { couponTermsSchema, ensureStripeCoupon, type StripeCoupons } from "./coupon.ts";

const rowSchema = couponTermsSchema.extend({ stripe_coupon_id: z.string().nullable() });

/**
 * Creates the coupon of a code at Stripe unless it exists, stores the id that it has there, and returns that id.
 *
 * @throws what Stripe's client throws, and an error where the row cannot be read or written
 */
export async function mirrorCoupon(
  service: Client,
  coupons: StripeCoupons,
  code: string,
): Promise<string> {
  const { data } = await service
    .from("coupons")
    .select("id, code, discount_percent, duration, stripe_coupon_id")
    .eq("code", code)
    .single()
    .throwOnError();
  const row = rowSchema.parse(data);
  const id = await ensureStripeCoupon(coupons, row);
  if (id !== row.stripe_coupon_id) {
    await service.from("coupons").update({ stripe_coupon_id: id }).eq("id", row.id).throwOnError();
  }
  return id;
}
