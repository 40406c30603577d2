import { z } from "zod";

/*
 * The requests and answers of the functions. The package exports them, so a change here changes the public contract.
 */

/** The answer of every function to a request that fails. */
export const errorResponseSchema = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    facts: z.record(z.string(), z.unknown()).nullable(),
  }),
});

/** `GET health`. A request with the secret key gets all fields. */
export const healthResponseSchema = z.object({
  status: z.enum(["ok", "unavailable"]),
  database: z.enum(["ok", "unavailable"]).optional(),
  /** Seconds since the sweep ran; null for never. */
  sweep_age_s: z.number().nullable().optional(),
  /** Seconds since a payment provider sent an event; null for never. */
  last_webhook_age_s: z.number().nullable().optional(),
  /** Number of items that `billing_attention()` lists, at most 100. */
  attention: z.number().optional(),
});

/** `POST store-api-key` */
export const storeApiKeyRequestSchema = z.strictObject({
  /** One of `list_llm_providers()`; case does not matter. */
  provider: z.string().trim().min(1).max(64),
  /** 8 to 512 visible ASCII characters, because keys travel in HTTP headers. */
  api_key: z
    .string()
    .trim()
    .regex(/^[\x21-\x7e]{8,512}$/, "not 8 to 512 visible ASCII characters"),
});

/** `POST store-api-key` */
export const storeApiKeyResponseSchema = z.object({
  provider: z.string(),
  /** The last four characters. */
  key_hint: z.string(),
  /** Whether the provider accepted the key; false where it did not answer. */
  verified: z.boolean(),
});

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
  /** Whether only to show the coupon, without redeeming it. */
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
  /** Whether the coupon is already at Stripe; if not, the next checkout creates it there. False for a preview. */
  checkout_discount: z.boolean(),
});

/** `POST delete-account` */
export const deleteAccountRequestSchema = z.strictObject({
  /** The account's email, as its owner typed it; case does not matter. */
  confirm_email: z.string().trim().min(1).max(320),
});

/** `POST delete-account` */
export const deleteAccountResponseSchema = z.object({ deleted: z.literal(true) });

const planType = z.string().min(1).max(64);
const returnUrl = z.string().min(1).max(2000);
/** Three letters, such as eur. */
const currency = z
  .string()
  .regex(/^[A-Za-z]{3}$/)
  .transform((text) => text.toLowerCase());

/** `POST create-checkout-session`, for a plan or a credit pack. The URLs are pages of an allowed origin. */
export const createCheckoutSessionRequestSchema = z.strictObject({
  plan_type: planType.optional(),
  pack_type: planType.optional(),
  /** The price's currency; by default the first one in which the plan or pack has a price. */
  currency: currency.optional(),
  /** The language of the payment page, such as de or pt-BR; by default the browser's. */
  locale: z
    .string()
    .regex(/^[a-z]{2,3}(-[A-Z][A-Za-z]{1,3})?$/)
    .optional(),
  /** Stripe replaces `{CHECKOUT_SESSION_ID}` in it. */
  success_url: returnUrl,
  cancel_url: returnUrl,
});

/** `POST create-paypal-subscription`. The URLs are pages of an allowed origin. */
export const createPaypalSubscriptionRequestSchema = z.strictObject({
  plan_type: planType,
  currency: currency.optional(),
  /** Whether to continue although the user's coupon is not applied, because PayPal has no coupons. */
  ignore_coupon: z.boolean().optional(),
  return_url: returnUrl,
  cancel_url: returnUrl,
});

/** `POST create-portal-session`. The URL is a page of an allowed origin. */
export const createPortalSessionRequestSchema = z.strictObject({ return_url: returnUrl });

/** `POST create-checkout-session`, `create-paypal-subscription`, `create-portal-session`: the page to send the user to. */
export const urlResponseSchema = z.object({ url: z.string() });

/**
 * `POST sync-subscription`. A user sends no fields. The service role sends the user's id; the daily schedule sends since
 * when everything is read again, and the subscription at which an earlier call stopped.
 */
export const syncSubscriptionRequestSchema = z.strictObject({
  user_id: z.uuid().optional(),
  since: z.iso.datetime({ offset: true }).optional(),
  after: z.string().max(255).optional(),
});

/** `POST sync-subscription` */
export const syncSubscriptionResponseSchema = z.object({
  /** As `get_my_account()` gives it. */
  account: z.looseObject({
    credits: z.number(),
    is_premium: z.boolean(),
    premium_until: z.string().nullable(),
  }),
  /** Subscriptions at a provider that could not be applied yet, and why. */
  parked: z.array(z.object({ subscription: z.string(), reason: z.string() })),
});

/** `POST stripe-webhook`, `paypal-webhook` */
export const webhookResponseSchema = z.object({
  received: z.literal(true),
  status: z.enum(["processed", "duplicate", "ignored", "parked"]),
});

/** The requests and answers of the functions that an app calls as its user, by the function's name. */
export const functionSchemas = {
  "create-checkout-session": {
    request: createCheckoutSessionRequestSchema,
    response: urlResponseSchema,
  },
  "create-paypal-subscription": {
    request: createPaypalSubscriptionRequestSchema,
    response: urlResponseSchema,
  },
  "create-portal-session": {
    request: createPortalSessionRequestSchema,
    response: urlResponseSchema,
  },
  "decrypt-api-key": { request: decryptApiKeyRequestSchema, response: decryptApiKeyResponseSchema },
  "delete-account": { request: deleteAccountRequestSchema, response: deleteAccountResponseSchema },
  "redeem-coupon": { request: redeemCouponRequestSchema, response: redeemCouponResponseSchema },
  "store-api-key": { request: storeApiKeyRequestSchema, response: storeApiKeyResponseSchema },
  "sync-subscription": {
    request: syncSubscriptionRequestSchema,
    response: syncSubscriptionResponseSchema,
  },
} as const;
