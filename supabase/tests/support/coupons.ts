import { randomUUID } from "node:crypto";
import { asOperator } from "./clients.ts";

/** Inserts a coupon of its own code; gives the code. */
export async function newCoupon(
  terms: { percent?: number; maxUses?: number; duration?: "once" | "forever" } = {},
): Promise<string> {
  const { percent = 30, maxUses = null, duration = "once" } = terms;
  const code = `TEST-${randomUUID().slice(0, 13).toUpperCase()}`;
  await asOperator(
    (sql) => sql`
      insert into public.coupons (code, discount_percent, max_uses, duration)
      values (${code}, ${percent}, ${maxUses}, ${duration})
    `,
  );
  return code;
}

/** Inserts a coupon that the user has redeemed, without counting an attempt; gives its code. */
export async function newRedeemedCoupon(userId: string): Promise<string> {
  const code = await newCoupon();
  await asOperator(
    (sql) => sql`
      insert into public.user_coupons (user_id, coupon_id)
      select ${userId}, c.id from public.coupons as c where c.code = ${code}
    `,
  );
  return code;
}
