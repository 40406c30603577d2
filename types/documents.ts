import { z } from "zod";
import { jsonObjectSchema, parametersSchemaSchema, parameterValuesSchema } from "./json.ts";
import {
  apiKeyActionSchema,
  componentTypeSchema,
  creditKindSchema,
  marketTypeSchema,
  subscriptionProviderSchema,
  subscriptionStatusSchema,
  timeframeSchema,
} from "./values.ts";

/*
 * The answers of the database's functions. Times are ISO 8601 texts. An answer may gain fields; a schema drops the fields
 * that it does not list.
 */

const time = z.string();
const id = z.string();

/** One indicator of a strategy. */
export const strategyComponentSchema = z.object({
  component_type: componentTypeSchema,
  position: z.number(),
  is_custom: z.boolean(),
  indicator_id: id.nullable(),
  indicator_name: z.string().nullable(),
  parameters: parameterValuesSchema,
});
/** One indicator of a strategy. */
export type StrategyComponent = z.infer<typeof strategyComponentSchema>;

/** One indicator of a strategy as `save_strategy` takes it. */
export const strategyComponentInputSchema = z.strictObject({
  component_type: componentTypeSchema,
  /** The order within the component type; by default the order in the list. */
  position: z.number().int().nonnegative().nullish(),
  is_custom: z.boolean().nullish(),
  indicator_id: id.nullish(),
  indicator_name: z.string().max(200).nullish(),
  parameters: parameterValuesSchema.nullish(),
});
/** One indicator of a strategy as `save_strategy` takes it. */
export type StrategyComponentInput = z.infer<typeof strategyComponentInputSchema>;

const strategyHeadSchema = z.object({
  strategy_id: id,
  name: z.string(),
  description: z.string().nullable(),
  market_type: marketTypeSchema.nullable(),
  timeframe: timeframeSchema.nullable(),
  is_public: z.boolean(),
  is_ai_generated: z.boolean(),
  version_number: z.number(),
  created_at: time,
  updated_at: time,
  /** The owner's public name. */
  author: z.string().nullable(),
  /** The strategy it was forked from; null where that was deleted. */
  forked_from: id.nullable(),
});

/** A strategy on the public page. */
export const strategySummarySchema = strategyHeadSchema.extend({
  /** How many strategies were forked from it. */
  fork_count: z.number(),
});
/** A strategy on the public page. */
export type StrategySummary = z.infer<typeof strategySummarySchema>;

/** A whole strategy. */
export const strategyDocumentSchema = strategyHeadSchema.extend({
  config: jsonObjectSchema,
  components: z.array(strategyComponentSchema),
});
/** A whole strategy. */
export type StrategyDocument = z.infer<typeof strategyDocumentSchema>;

/** A page of public strategies. */
export const strategyPageSchema = z.object({
  items: z.array(strategySummarySchema),
  /** For the next page; null on the last. */
  next_cursor: z.string().nullable(),
});
/** A page of public strategies. */
export type StrategyPage = z.infer<typeof strategyPageSchema>;

/** An indicator of the library. */
export const indicatorSchema = z.object({
  id,
  name: z.string(),
  description: z.string().nullable(),
  category: z.string(),
  type: componentTypeSchema,
  parameters: parametersSchemaSchema,
  defaults: parameterValuesSchema,
  created_at: time,
  created_by: id.nullable(),
  is_custom: z.boolean(),
  is_public: z.boolean(),
  accuracy_rating: z.number().nullable(),
});
/** An indicator of the library. */
export type Indicator = z.infer<typeof indicatorSchema>;

/** The receipt of a change of credits. */
export const creditReceiptSchema = z.object({
  balance: z.number(),
  transaction_id: z.number(),
  /** Whether this was a repeat, which changed nothing. */
  replayed: z.boolean(),
});
/** The receipt of a change of credits. */
export type CreditReceipt = z.infer<typeof creditReceiptSchema>;

/** A stored API key, without the key. */
export const storedApiKeySchema = z.object({
  id,
  provider: z.string(),
  /** The last four characters. */
  key_hint: z.string(),
  created_at: time,
  updated_at: time,
  last_used: time.nullable(),
});
/** A stored API key, without the key. */
export type StoredApiKey = z.infer<typeof storedApiKeySchema>;

/** A provider of language models that `llm-proxy` can reach. */
export const llmProviderSchema = z.object({ provider: z.string(), name: z.string() });
/** A provider of language models that `llm-proxy` can reach. */
export type LlmProvider = z.infer<typeof llmProviderSchema>;

/** What a plan allows. Null is no limit. */
export const planSchema = z.object({
  plan_type: z.string(),
  name: z.string(),
  is_premium: z.boolean(),
  monthly_credits: z.number(),
  max_strategies: z.number().nullable(),
  max_versions: z.number().nullable(),
  max_custom_indicators: z.number().nullable(),
  /** Days before the first payment; 0 for no trial. */
  trial_days: z.number(),
  is_active: z.boolean(),
});
/** What a plan allows. Null is no limit. */
export type Plan = z.infer<typeof planSchema>;

/** A subscription, as last read from its provider. */
export const subscriptionSchema = z.object({
  id,
  user_id: id,
  status: subscriptionStatusSchema,
  provider: subscriptionProviderSchema,
  provider_subscription_id: z.string().nullable(),
  plan_type: z.string(),
  current_period_start: time.nullable(),
  current_period_end: time.nullable(),
  cancel_at: time.nullable(),
  grace_until: time.nullable(),
  ended_at: time.nullable(),
  livemode: z.boolean(),
  read_number: z.number(),
  price_id: id.nullable(),
  /** Since when it gives neither premium nor credits, whatever its status at the provider. */
  revoked_at: time.nullable(),
  paid_through: time.nullable(),
  /** When its next month of credits begins. */
  next_grant_at: time.nullable(),
  created_at: time,
  updated_at: time,
});
/** A subscription, as last read from its provider. */
export type Subscription = z.infer<typeof subscriptionSchema>;

/** A user's row. */
export const userSchema = z.object({
  id,
  email: z.string(),
  full_name: z.string().nullable(),
  created_at: time,
  updated_at: time,
  credits: z.number(),
  is_premium: z.boolean(),
  premium_until: time.nullable(),
  preferences: jsonObjectSchema,
  last_login: time.nullable(),
  /** Shown as the author of what the user publishes. */
  public_name: z.string().nullable(),
});
/** A user's row. */
export type User = z.infer<typeof userSchema>;

/** An account as an app shows it. */
export const accountSchema = z.object({
  user: userSchema,
  plan: planSchema,
  subscription: subscriptionSchema.nullable(),
  credits: z.number(),
  is_premium: z.boolean(),
  premium_until: time.nullable(),
});
/** An account as an app shows it. */
export type Account = z.infer<typeof accountSchema>;

const row = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.object({ id, created_at: time, ...shape });

const exportPage = <Section extends string, Row extends z.ZodType>(section: Section, row: Row) =>
  z.object({
    /** All sections of the export. Read each of them until `next_cursor` is null. */
    sections: z.array(z.string()),
    section: z.literal(section),
    rows: z.array(row),
    next_cursor: z.string().nullable(),
  });

/** A page of a user's rows, from one section of the export. */
export const userExportPageSchema = z.discriminatedUnion("section", [
  exportPage("users", userSchema),
  exportPage(
    "credit_transactions",
    z.object({
      id: z.number(),
      user_id: id,
      kind: creditKindSchema,
      delta: z.number(),
      balance_after: z.number(),
      reason: z.string().nullable(),
      idempotency_key: z.string().nullable(),
      refund_of: z.number().nullable(),
      created_at: time,
    }),
  ),
  exportPage("subscriptions", subscriptionSchema),
  exportPage(
    "api_keys",
    storedApiKeySchema.extend({
      user_id: id,
      secret_version: z.number(),
      verified_at: time.nullable(),
      rejected_at: time.nullable(),
    }),
  ),
  exportPage(
    "api_key_events",
    z.object({
      id: z.number(),
      user_id: id,
      provider: z.string(),
      action: apiKeyActionSchema,
      request_id: z.string().nullable(),
      created_at: time,
    }),
  ),
  exportPage("indicators", indicatorSchema),
  exportPage(
    "custom_indicators",
    row({
      user_id: id,
      name: z.string(),
      description: z.string().nullable(),
      category: z.string(),
      type: componentTypeSchema,
      parameters: parametersSchemaSchema,
      pine_script: z.string(),
      is_public: z.boolean(),
      updated_at: time,
    }),
  ),
  exportPage(
    "strategies",
    row({
      user_id: id,
      name: z.string(),
      description: z.string().nullable(),
      is_ai_generated: z.boolean(),
      is_public: z.boolean(),
      market_type: marketTypeSchema.nullable(),
      timeframe: timeframeSchema.nullable(),
      config: jsonObjectSchema,
      current_version: z.number(),
      forked_from: id.nullable(),
      updated_at: time,
    }),
  ),
  exportPage(
    "strategy_components",
    row({
      strategy_id: id,
      user_id: id,
      indicator_id: id.nullable(),
      indicator_name: z.string().nullable(),
      is_custom: z.boolean(),
      component_type: componentTypeSchema,
      parameters: parameterValuesSchema,
      position: z.number(),
      updated_at: time,
    }),
  ),
  exportPage(
    "strategy_versions",
    row({
      strategy_id: id,
      user_id: id,
      version_number: z.number(),
      config: strategyDocumentSchema,
      notes: z.string().nullable(),
    }),
  ),
  exportPage(
    "user_coupons",
    z.object({
      id,
      user_id: id,
      coupon_id: id,
      used_at: time,
      checkout_session_id: z.string().nullable(),
      applied_at: time.nullable(),
    }),
  ),
  exportPage(
    "archived_credits",
    z.object({
      user_id: id,
      kind: z.string(),
      /** Number of ledger rows that were archived. */
      transactions: z.number(),
      /** The sum of their deltas. */
      delta: z.number(),
    }),
  ),
  exportPage(
    "archived_key_events",
    z.object({
      user_id: id,
      provider: z.string(),
      action: z.string(),
      /** Number of events that were archived. */
      events: z.number(),
      first_at: time,
      last_at: time,
    }),
  ),
]);
/** A page of a user's rows, from one section of the export. */
export type UserExportPage = z.infer<typeof userExportPageSchema>;

/** A coupon as a user sees it. */
export const couponSchema = z.object({
  code: z.string(),
  discount_percent: z.number(),
  description: z.string().nullable(),
  expires_at: time.nullable(),
});
/** A coupon as a user sees it. */
export type Coupon = z.infer<typeof couponSchema>;

/** An error that a function returns instead of raising it, because raising would undo what the function has counted. */
export const returnedErrorSchema = z.object({
  ok: z.literal(false),
  error: z.object({
    code: z.string(),
    status: z.number(),
    message: z.string(),
    facts: z.record(z.string(), z.unknown()).nullable(),
  }),
});
/** An error that a function returns instead of raising it, because raising would undo what the function has counted. */
export type ReturnedError = z.infer<typeof returnedErrorSchema>;

/** A redeemed or previewed coupon, or an error. */
export const couponResultSchema = z.discriminatedUnion("ok", [
  z.object({ ok: z.literal(true), coupon: couponSchema }),
  returnedErrorSchema,
]);
/** A redeemed or previewed coupon, or an error. */
export type CouponResult = z.infer<typeof couponResultSchema>;

/** A decrypted key, or an error. */
export const decryptedApiKeySchema = z.discriminatedUnion("ok", [
  z.object({ ok: z.literal(true), provider: z.string(), api_key: z.string() }),
  returnedErrorSchema,
]);
/** A decrypted key, or an error. */
export type DecryptedApiKey = z.infer<typeof decryptedApiKeySchema>;

/** What a support case needs, for a person to read. Its parts may change. */
export const diagnosisSchema = z.object({
  user: userSchema.omit({ preferences: true }),
  plan: z.string(),
  subscriptions: z.array(subscriptionSchema.extend({ entitled_until: time.nullable() })),
  customers: jsonObjectSchema,
  open_checkout: jsonObjectSchema.nullable(),
  last_events: z.array(jsonObjectSchema),
  parked_events: z.array(jsonObjectSchema),
  flags: z.array(jsonObjectSchema),
  ledger: z.object({ agrees: z.boolean(), last: z.array(jsonObjectSchema) }),
});
/** What a support case needs, for a person to read. Its parts may change. */
export type Diagnosis = z.infer<typeof diagnosisSchema>;

/** Figures of the business. Amounts are in the currency's smallest unit; currencies are never added together. */
export const billingOverviewSchema = z.object({
  by_currency: z.array(
    z.object({
      currency: z.string(),
      /** Monthly recurring revenue: a yearly price counts as a twelfth, and recurring discounts are subtracted. */
      mrr: z.number(),
      active: z.number(),
      trialing: z.number(),
      past_due: z.number(),
    }),
  ),
  by_plan: z.array(
    z.object({
      plan_type: z.string(),
      active: z.number(),
      trialing: z.number(),
      past_due: z.number(),
      /** Subscriptions that an operator granted. */
      manual: z.number(),
    }),
  ),
  /** Number of subscriptions that began in the last 30 days. The fields below that end in `_30d` are numbers too. */
  new_30d: z.number(),
  ended_30d: z.number(),
  refunded_30d: z.number(),
  disputed_30d: z.number(),
  failed_payments_30d: z.number(),
  /** Sum of all balances. */
  credits_outstanding: z.number(),
  /** Seconds since the sweep ran; null for never. */
  sweep_age_s: z.number().nullable(),
  /** Seconds since a provider sent an event; null for never. */
  last_webhook_age_s: z.number().nullable(),
});
/** Figures of the business. Amounts are in the currency's smallest unit; currencies are never added together. */
export type BillingOverview = z.infer<typeof billingOverviewSchema>;

/** A billing problem that a person must look at. New kinds may be added. */
export const billingAttentionItemSchema = z.object({
  kind: z.string(),
  since: time,
  user_id: id.nullable(),
  provider: z.string().nullable(),
  /** The id of the object that it is about, at the provider or here. */
  reference: z.string(),
  reason: z.string(),
  /** What to do. */
  remedy: z.string(),
});
/** A billing problem that a person must look at. New kinds may be added. */
export type BillingAttentionItem = z.infer<typeof billingAttentionItemSchema>;

/** A page of billing problems, oldest first. */
export const billingAttentionSchema = z.object({
  items: z.array(billingAttentionItemSchema),
  next_cursor: z.string().nullable(),
});
/** A page of billing problems, oldest first. */
export type BillingAttention = z.infer<typeof billingAttentionSchema>;

/** The result of a sweep, in numbers of rows. */
export const sweepSchema = z.object({
  retried: z.number(),
  abandoned: z.number(),
  deleted: z.number(),
  ended: z.number(),
  months_granted: z.number(),
  /** References to deleted rows that were set to null. */
  unlinked: z.number(),
  /** Rows that failed; each is flagged and tried again later. */
  failures: z.number(),
  /** Accounts whose ledger and balance differ. They are not corrected, because the right value is unknown. */
  ledger_disagreements: z.array(jsonObjectSchema),
});
/** The result of a sweep, in numbers of rows. */
export type Sweep = z.infer<typeof sweepSchema>;
