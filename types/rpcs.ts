import { z } from "zod";
import type { Database as Generated } from "./database.types.ts";
import {
  accountSchema,
  billingAttentionSchema,
  billingOverviewSchema,
  couponResultSchema,
  creditReceiptSchema,
  decryptedApiKeySchema,
  diagnosisSchema,
  indicatorSchema,
  llmProviderSchema,
  type StrategyComponentInput,
  storedApiKeySchema,
  strategyDocumentSchema,
  strategyPageSchema,
  sweepSchema,
  userExportPageSchema,
} from "./documents.ts";
import type { JsonObject } from "./json.ts";
import type { NullWhereOptional, Replace } from "./narrow.ts";
import type { ComponentType, MarketType, Timeframe } from "./values.ts";

/** The schema of each function's answer, by the function's name. */
export const rpcAnswerSchemas = {
  billing_attention: billingAttentionSchema,
  billing_overview: billingOverviewSchema,
  charge_credits: creditReceiptSchema,
  consume_credits: creditReceiptSchema,
  decrypt_api_key: z.string(),
  delete_api_key: z.object({ deleted: z.boolean() }),
  delete_user: z.object({ deleted: z.boolean() }),
  diagnose_account: diagnosisSchema,
  dismiss_billing_attention: z.object({ dismissed: z.boolean() }),
  drop_api_key_secret: z.object({ dropped: z.boolean() }),
  encrypt_api_key: z.string(),
  export_my_data: userExportPageSchema,
  export_user_data: userExportPageSchema,
  fork_strategy: strategyDocumentSchema,
  get_decrypted_api_key: decryptedApiKeySchema,
  get_my_account: accountSchema,
  get_strategy: strategyDocumentSchema,
  grant_credits: creditReceiptSchema,
  grant_premium: accountSchema,
  list_llm_providers: z.array(llmProviderSchema),
  list_public_strategies: strategyPageSchema,
  preview_coupon: couponResultSchema,
  redeem_coupon: couponResultSchema,
  reinstate_subscription: accountSchema,
  reencrypt_api_keys: z.object({ reencrypted: z.number(), remaining: z.number() }),
  refund_credits: creditReceiptSchema,
  restore_strategy_version: strategyDocumentSchema,
  revoke_subscription: accountSchema,
  rotate_api_key_secret: z.object({ version: z.number() }),
  save_strategy: strategyDocumentSchema,
  search_indicators: z.array(indicatorSchema),
  store_api_key: storedApiKeySchema,
  sweep: sweepSchema,
} as const;

/** Arguments whose values are narrower than their type in the database. */
interface NarrowArguments {
  list_public_strategies: { market_type: MarketType; timeframe: Timeframe };
  save_strategy: {
    components: StrategyComponentInput[];
    config: JsonObject;
    market_type: MarketType;
    timeframe: Timeframe;
  };
  search_indicators: { type: ComponentType };
}

/** Functions that only the edge functions and commands of this package call. An app's types leave them out. */
export type InternalRpc =
  | "apply_read"
  | "begin_api_key_check"
  | "begin_checkout"
  | "begin_webhook_event"
  | "billing_health"
  | "billing_of"
  | "drop_checkout"
  | "end_checkout"
  | "fail_webhook_event"
  | "finish_provider_task"
  | "has_second_factor"
  | "link_billing_customer"
  | "mark_api_key"
  | "next_read_number"
  | "open_checkout"
  | "open_llm_call"
  | "open_provider_tasks"
  | "reconcile_targets"
  | "record_webhook_event"
  | "return_paypal_ask"
  | "store_checked_api_key"
  | "take_billing_call"
  | "take_paypal_ask"
  | "unsettled_webhook_events";

type GeneratedRpcs = Generated["public"]["Functions"];
type Answers = typeof rpcAnswerSchemas;

/** The functions of the database as an app calls them. */
export type Rpcs = {
  [Name in keyof Answers & keyof GeneratedRpcs]: {
    [Part in keyof GeneratedRpcs[Name]]: Part extends "Args"
      ? ArgumentsOf<Name>
      : Part extends "Returns"
        ? z.output<Answers[Name]>
        : GeneratedRpcs[Name][Part];
  };
};

type ArgumentsOf<Name extends keyof GeneratedRpcs> = NullWhereOptional<
  Replace<
    GeneratedRpcs[Name]["Args"],
    Name extends keyof NarrowArguments ? NarrowArguments[Name] : unknown
  >
>;

/**
 * The functions that are in the database and not in this file, or the other way round. A test fails unless it is `never`.
 */
export type ForgottenRpcs =
  | Exclude<keyof GeneratedRpcs, keyof Answers | InternalRpc>
  | Exclude<keyof Answers | InternalRpc | keyof NarrowArguments, keyof GeneratedRpcs>;
