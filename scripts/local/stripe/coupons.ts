import { z } from "zod";
import { invalidRequest, missing } from "./errors.ts";
import { metadata, newId, nowInSeconds, params, type Route, route, wholeNumber } from "./route.ts";

const percent = z
  .string()
  .regex(/^\d+(\.\d+)?$/)
  .transform(Number)
  .refine((value) => value > 0 && value <= 100);

/** https://docs.stripe.com/api/coupons */
export const couponRoutes: Route[] = [
  route(
    "POST",
    "/v1/coupons",
    params({
      id: z.string().min(1).max(500).optional(),
      name: z.string().max(40).optional(),
      percent_off: percent.optional(),
      amount_off: wholeNumber.optional(),
      currency: z.string().length(3).optional(),
      duration: z.enum(["once", "forever", "repeating"]).default("once"),
      duration_in_months: wholeNumber.optional(),
      max_redemptions: wholeNumber.optional(),
      redeem_by: wholeNumber.optional(),
      metadata,
    }),
    (given, _, store) => {
      if ((given.percent_off === undefined) === (given.amount_off === undefined)) {
        return invalidRequest("parameter_missing", "Must provide percent_off or amount_off.");
      }
      const coupons = store.all("coupon");
      const id = given.id ?? newId("co");
      if (coupons.has(id))
        return invalidRequest("resource_already_exists", "Coupon already exists.");
      const coupon = {
        id,
        object: "coupon",
        name: given.name ?? null,
        percent_off: given.percent_off ?? null,
        amount_off: given.amount_off ?? null,
        currency: given.currency ?? null,
        duration: given.duration,
        duration_in_months: given.duration_in_months ?? null,
        max_redemptions: given.max_redemptions ?? null,
        redeem_by: given.redeem_by ?? null,
        metadata: given.metadata,
        created: nowInSeconds(store),
        livemode: false,
        times_redeemed: 0,
        valid: true,
      };
      coupons.set(id, coupon);
      return coupon;
    },
  ),
  route("GET", "/v1/coupons/:id", params({}), (_, id, store) => {
    return store.all("coupon").get(id) ?? missing("coupon", id);
  }),
  route("DELETE", "/v1/coupons/:id", params({}), (_, id, store) => {
    if (!store.all("coupon").delete(id)) return missing("coupon", id);
    return { id, object: "coupon", deleted: true };
  }),
];
