import { z } from "zod";
import { columnValues } from "./database.types.ts";

/*
 * The values of text columns that allow only a few, generated from the check constraints.
 */

/** What a strategy trades. */
export const marketTypeSchema = z.enum(columnValues.strategies.market_type);
/** What a strategy trades. */
export type MarketType = z.infer<typeof marketTypeSchema>;

/** The length of one bar. */
export const timeframeSchema = z.enum(columnValues.strategies.timeframe);
/** The length of one bar. */
export type Timeframe = z.infer<typeof timeframeSchema>;

/** The purpose of an indicator, or of a component that uses it. */
export const componentTypeSchema = z.enum(columnValues.strategy_components.component_type);
/** The purpose of an indicator, or of a component that uses it. */
export type ComponentType = z.infer<typeof componentTypeSchema>;

/** Why a balance changed. */
export const creditKindSchema = z.enum(columnValues.credit_transactions.kind);
/** Why a balance changed. */
export type CreditKind = z.infer<typeof creditKindSchema>;

/** What happened to a stored API key. */
export const apiKeyActionSchema = z.enum(columnValues.api_key_events.action);
/** What happened to a stored API key. */
export type ApiKeyAction = z.infer<typeof apiKeyActionSchema>;

/** The payment provider of a subscription; manual for one that an operator granted. */
export const subscriptionProviderSchema = z.enum(columnValues.subscriptions.provider);
/** The payment provider of a subscription; manual for one that an operator granted. */
export type SubscriptionProvider = z.infer<typeof subscriptionProviderSchema>;

/** https://docs.stripe.com/api/subscriptions/object#subscription_object-status */
export const subscriptionStatusSchema = z.enum(columnValues.subscriptions.status);
/** https://docs.stripe.com/api/subscriptions/object#subscription_object-status */
export type SubscriptionStatus = z.infer<typeof subscriptionStatusSchema>;

/** Whether a coupon applies to the first payment or to all. */
export const couponDurationSchema = z.enum(columnValues.coupons.duration);
/** Whether a coupon applies to the first payment or to all. */
export type CouponDuration = z.infer<typeof couponDurationSchema>;
