/*
 * What a visitor may do in a project that has the migrations. A test compares these lists with the catalogs.
 */

/** The tables, and the columns that a visitor may read: all, a list, or none. */
export const tables: Readonly<Record<string, "*" | readonly string[] | null>> = {
  api_key_events: null,
  api_keys: null,
  coupons: null,
  credit_packs: "*",
  credit_transactions: null,
  custom_indicators: "*",
  indicators: "*",
  plans: "*",
  prices: [
    "id",
    "provider",
    "plan_type",
    "pack_type",
    "currency",
    "unit_amount",
    "interval",
    "interval_count",
    "is_current",
    "created_at",
  ],
  strategies: "*",
  strategy_components: "*",
  strategy_versions: null,
  subscriptions: null,
  user_coupons: null,
  users: null,
};

/** The RPCs, their required arguments, and whether a visitor may call them. */
export const rpcs: Readonly<
  Record<string, { required: readonly string[]; visitor: "may call" | "refused" }>
> = {
  billing_attention: { required: [], visitor: "refused" },
  billing_overview: { required: [], visitor: "refused" },
  charge_credits: { required: ["user_id", "amount"], visitor: "refused" },
  consume_credits: { required: ["amount"], visitor: "refused" },
  decrypt_api_key: { required: ["encrypted_key", "secret"], visitor: "refused" },
  delete_api_key: { required: ["provider"], visitor: "refused" },
  delete_user: { required: ["user_id"], visitor: "refused" },
  diagnose_account: { required: ["email"], visitor: "refused" },
  dismiss_billing_attention: { required: ["kind", "provider", "reference"], visitor: "refused" },
  drop_api_key_secret: { required: ["version"], visitor: "refused" },
  encrypt_api_key: { required: ["key_text", "secret"], visitor: "refused" },
  export_my_data: { required: [], visitor: "refused" },
  export_user_data: { required: ["user_id"], visitor: "refused" },
  fork_strategy: { required: ["strategy_id"], visitor: "refused" },
  get_decrypted_api_key: { required: ["user_id", "provider"], visitor: "refused" },
  get_my_account: { required: [], visitor: "refused" },
  get_strategy: { required: ["strategy_id"], visitor: "may call" },
  grant_credits: { required: ["user_id", "amount"], visitor: "refused" },
  grant_premium: { required: ["user_id", "plan_type", "until"], visitor: "refused" },
  list_llm_providers: { required: [], visitor: "may call" },
  list_public_strategies: { required: [], visitor: "may call" },
  preview_coupon: { required: ["user_id", "code"], visitor: "refused" },
  redeem_coupon: { required: ["user_id", "code"], visitor: "refused" },
  reinstate_subscription: { required: ["subscription_id"], visitor: "refused" },
  reencrypt_api_keys: { required: [], visitor: "refused" },
  refund_credits: { required: ["user_id", "idempotency_key"], visitor: "refused" },
  restore_strategy_version: { required: ["strategy_id", "version_number"], visitor: "refused" },
  revoke_subscription: { required: ["subscription_id", "reason"], visitor: "refused" },
  rotate_api_key_secret: { required: [], visitor: "refused" },
  save_strategy: { required: [], visitor: "refused" },
  search_indicators: { required: [], visitor: "may call" },
  store_api_key: { required: ["provider", "api_key"], visitor: "refused" },
  sweep: { required: [], visitor: "refused" },
  unsettled_webhook_events: { required: [], visitor: "refused" },
};
