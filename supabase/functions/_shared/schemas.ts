import { z } from "zod";

/*
 * What each function takes and gives. An application gets these too: a change here is a change of the contract.
 */

/** What every function answers when something is wrong. */
export const errorResponseSchema = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    facts: z.record(z.string(), z.unknown()).nullable(),
  }),
});

/** `GET health` */
export const healthResponseSchema = z.object({ status: z.enum(["ok", "unavailable"]) });

/** `POST decrypt-api-key` */
export const decryptApiKeyRequestSchema = z.strictObject({
  /** Of the language-model provider, such as openai; case does not matter. */
  provider: z.string().trim().min(1).max(64),
});

/** `POST decrypt-api-key` */
export const decryptApiKeyResponseSchema = z.object({ provider: z.string(), api_key: z.string() });

/** `POST redeem-coupon` */
export const redeemCouponRequestSchema = z.strictObject({
  /** Case and surrounding space do not matter. */
  code: z.string().trim().min(1).max(200),
  /** Whether only to show what the code would give. */
  preview: z.boolean().optional(),
});

/** `POST redeem-coupon` */
export const redeemCouponResponseSchema = z.object({
  coupon: z.object({
    code: z.string(),
    discount_percent: z.number(),
    description: z.string().nullable(),
    expires_at: z.string().nullable(),
  }),
  /** Whether the discount is ready for the next checkout; if not, that checkout makes it ready. False for a preview. */
  checkout_discount: z.boolean(),
});

/** `POST delete-account` */
export const deleteAccountRequestSchema = z.strictObject({
  /** The account's email, typed by its owner; case does not matter. */
  confirm_email: z.string().trim().min(1).max(320),
});

/** `POST delete-account` */
export const deleteAccountResponseSchema = z.object({ deleted: z.literal(true) });
