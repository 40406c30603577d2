/**
 * Every error code that an application can receive, with its HTTP status: those in the registry of the database, and
 * those that only functions answer. A code is never renamed.
 */
export const errorStatus = {
  // private.error_codes
  not_authenticated: 401,
  insufficient_credits: 402,
  email_required: 403,
  premium_required: 403,
  plan_limit_reached: 403,
  client_not_trusted: 403,
  mfa_required: 403,
  strategy_not_found: 404,
  strategy_version_not_found: 404,
  indicator_not_found: 404,
  api_key_not_found: 404,
  coupon_not_found: 404,
  user_not_found: 404,
  billing_account_not_found: 404,
  price_not_found: 404,
  llm_provider_not_found: 404,
  webhook_event_not_found: 404,
  coupon_already_redeemed: 409,
  coupon_exhausted: 409,
  version_conflict: 409,
  active_subscription: 409,
  idempotency_key_reused: 409,
  secret_in_use: 409,
  coupon_expired: 410,
  invalid_argument: 422,
  invalid_parameters: 422,
  api_key_rejected: 422,
  confirmation_mismatch: 422,
  rate_limited: 429,
  secret_not_configured: 500,
  decryption_failed: 500,
  // answered by functions only
  invalid_signature: 400,
  invalid_body: 400,
  method_not_allowed: 405,
  payload_too_large: 413,
  internal: 500,
  upstream_error: 502,
  not_configured: 503,
} as const;

/** The stable identifier of an error, by which a client distinguishes errors. */
export type ErrorCode = keyof typeof errorStatus;

/** Each code under its own name, as in `error.code === ErrorCode.insufficient_credits`. */
export const ErrorCode = Object.fromEntries(
  Object.keys(errorStatus).map((code) => [code, code]),
) as { readonly [Code in ErrorCode]: Code };

/** Every code, in the order of the registry. */
export const errorCodes = Object.keys(errorStatus).filter(isErrorCode);

/** Whether a text is one of the codes. */
export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === "string" && Object.hasOwn(errorStatus, text);
}
