import { z } from "zod";
import { invalidRequest, missing } from "./errors.ts";
import { metadata, orNull, type Route, retrieveRoute, route, wholeNumber } from "./route.ts";

const percent = z
  .string()
  .regex(/^\d+(\.\d+)?$/)
  .transform(Number)
  .refine((value) => value > 0 && value <= 100);

/** https://docs.stripe.com/api/coupons */
export const couponRoutes: Route[] = [
  route(
    "POST /v1/coupons",
    {
      id: z.string().min(1).max(500).optional(),
      name: orNull(z.string().max(40)),
      percent_off: orNull(percent),
      amount_off: orNull(wholeNumber),
      currency: orNull(z.string().length(3)),
      duration: z.enum(["once", "forever", "repeating"]).default("once"),
      duration_in_months: orNull(wholeNumber),
      max_redemptions: orNull(wholeNumber),
      redeem_by: orNull(wholeNumber),
      metadata,
    },
    (given, store) => {
      if ((given.percent_off === null) === (given.amount_off === null)) {
        return invalidRequest("parameter_missing", "Must provide percent_off or amount_off.");
      }
      if (store.find("coupon", given.id)) {
        return invalidRequest("resource_already_exists", "Coupon already exists.");
      }
      return store.keep("coupon", { ...given, times_redeemed: 0, valid: true });
    },
  ),
  retrieveRoute("/v1/coupons", "coupon"),
  route("DELETE /v1/coupons/:id", {}, (_, store, id) => {
    if (!store.delete("coupon", id)) return missing("coupon", id);
    return { id, object: "coupon", deleted: true };
  }),
];
