import { z } from "zod";

/*
 * Text columns that hold one of a few values, under the names that the checks of the database use.
 */

/** What a strategy trades. */
export const marketTypeSchema = z.enum(["futures", "stocks", "crypto", "forex"]);
/** What a strategy trades. */
export type MarketType = z.infer<typeof marketTypeSchema>;

/** The length of one bar. */
export const timeframeSchema = z.enum(["1m", "5m", "15m", "1h", "4h", "1d"]);
/** The length of one bar. */
export type Timeframe = z.infer<typeof timeframeSchema>;

/** What an indicator, or a component that uses it, is for. */
export const componentTypeSchema = z.enum(["trend", "entry", "exit", "stop_loss"]);
/** What an indicator, or a component that uses it, is for. */
export type ComponentType = z.infer<typeof componentTypeSchema>;

/** Why a balance changed. */
export const creditKindSchema = z.enum([
  "opening",
  "consume",
  "refund",
  "grant",
  "subscription",
  "purchase",
  "reversal",
  "import",
]);
/** Why a balance changed. */
export type CreditKind = z.infer<typeof creditKindSchema>;

/** What happened to a stored API key. */
export const apiKeyActionSchema = z.enum([
  "stored",
  "decrypted",
  "deleted",
  "reencrypted",
  "operator_key_used",
]);
/** What happened to a stored API key. */
export type ApiKeyAction = z.infer<typeof apiKeyActionSchema>;

/** Who collects the money of a subscription; manual is an operator's gift. */
export const subscriptionProviderSchema = z.enum(["stripe", "paypal", "manual"]);
/** Who collects the money of a subscription; manual is an operator's gift. */
export type SubscriptionProvider = z.infer<typeof subscriptionProviderSchema>;

/** https://docs.stripe.com/api/subscriptions/object#subscription_object-status */
export const subscriptionStatusSchema = z.enum([
  "incomplete",
  "incomplete_expired",
  "trialing",
  "active",
  "past_due",
  "canceled",
  "unpaid",
  "paused",
]);
/** https://docs.stripe.com/api/subscriptions/object#subscription_object-status */
export type SubscriptionStatus = z.infer<typeof subscriptionStatusSchema>;

/** How many payments a coupon makes cheaper. */
export const couponDurationSchema = z.enum(["once", "forever"]);
/** How many payments a coupon makes cheaper. */
export type CouponDuration = z.infer<typeof couponDurationSchema>;
