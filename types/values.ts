import { z } from "zod";
import { columnValues } from "./database.types.ts";

/*
 * Text columns that hold one of a few values. The values are generated from the checks of the database.
 */

/** What a strategy trades. */
export const marketTypeSchema = z.enum(columnValues.strategies.market_type);
/** What a strategy trades. */
export type MarketType = z.infer<typeof marketTypeSchema>;

/** The length of one bar. */
export const timeframeSchema = z.enum(columnValues.strategies.timeframe);
/** The length of one bar. */
export type Timeframe = z.infer<typeof timeframeSchema>;

/** What an indicator, or a component that uses it, is for. */
export const componentTypeSchema = z.enum(columnValues.strategy_components.component_type);
/** What an indicator, or a component that uses it, is for. */
export type ComponentType = z.infer<typeof componentTypeSchema>;

/** Why a balance changed. */
export const creditKindSchema = z.enum(columnValues.credit_transactions.kind);
/** Why a balance changed. */
export type CreditKind = z.infer<typeof creditKindSchema>;

/** What happened to a stored API key. */
export const apiKeyActionSchema = z.enum(columnValues.api_key_events.action);
/** What happened to a stored API key. */
export type ApiKeyAction = z.infer<typeof apiKeyActionSchema>;

/** Who collects the money of a subscription; manual is an operator's gift. */
export const subscriptionProviderSchema = z.enum(columnValues.subscriptions.provider);
/** Who collects the money of a subscription; manual is an operator's gift. */
export type SubscriptionProvider = z.infer<typeof subscriptionProviderSchema>;

/** https://docs.stripe.com/api/subscriptions/object#subscription_object-status */
export const subscriptionStatusSchema = z.enum(columnValues.subscriptions.status);
/** https://docs.stripe.com/api/subscriptions/object#subscription_object-status */
export type SubscriptionStatus = z.infer<typeof subscriptionStatusSchema>;

/** How many payments a coupon makes cheaper. */
export const couponDurationSchema = z.enum(columnValues.coupons.duration);
/** How many payments a coupon makes cheaper. */
export type CouponDuration = z.infer<typeof couponDurationSchema>;
