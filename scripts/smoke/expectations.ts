/*
 * What a visitor meets at a project that has the migrations. A test compares these lists with the catalogs.
 */

/** The tables, and whether a visitor may read them. */
export const tables: Readonly<Record<string, "readable" | "refused">> = {
  api_key_events: "refused",
  api_keys: "refused",
  coupons: "refused",
  credit_packs: "readable",
  credit_transactions: "refused",
  custom_indicators: "readable",
  indicators: "readable",
  plans: "readable",
  prices: "readable",
  strategies: "readable",
  strategy_components: "readable",
  strategy_versions: "refused",
  subscriptions: "refused",
  user_coupons: "refused",
  users: "refused",
};

/** The RPCs with the arguments that they require, and whether a visitor may call them. */
export const rpcs: Readonly<
  Record<string, { required: readonly string[]; visitor: "may call" | "refused" }>
> = {
  begin_api_key_check: {
    required: ["user_id", "provider", "has_second_factor"],
    visitor: "refused",
  },
  charge_credits: { required: ["user_id", "amount"], visitor: "refused" },
  consume_credits: { required: ["amount"], visitor: "refused" },
  decrypt_api_key: { required: ["encrypted_key", "secret"], visitor: "refused" },
  delete_api_key: { required: ["provider"], visitor: "refused" },
  delete_user: { required: ["user_id"], visitor: "refused" },
  diagnose_account: { required: ["email"], visitor: "refused" },
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
  import_legacy_api_key_secret: { required: ["secret"], visitor: "refused" },
  list_llm_providers: { required: [], visitor: "may call" },
  list_public_strategies: { required: [], visitor: "may call" },
  mark_api_key: { required: ["user_id", "provider", "stored_at", "accepted"], visitor: "refused" },
  open_llm_call: {
    required: ["user_id", "provider", "request_id", "has_operator_key", "has_second_factor"],
    visitor: "refused",
  },
  preview_coupon: { required: ["user_id", "code"], visitor: "refused" },
  redeem_coupon: { required: ["user_id", "code"], visitor: "refused" },
  reencrypt_api_keys: { required: [], visitor: "refused" },
  refund_credits: { required: ["user_id", "idempotency_key"], visitor: "refused" },
  restore_strategy_version: { required: ["strategy_id", "version_number"], visitor: "refused" },
  rotate_api_key_secret: { required: [], visitor: "refused" },
  save_strategy: { required: [], visitor: "refused" },
  search_indicators: { required: [], visitor: "may call" },
  store_api_key: { required: ["provider", "api_key"], visitor: "refused" },
  store_checked_api_key: {
    required: ["user_id", "provider", "api_key", "verified"],
    visitor: "refused",
  },
  sweep: { required: [], visitor: "refused" },
  unsettled_webhook_events: { required: [], visitor: "refused" },
};
