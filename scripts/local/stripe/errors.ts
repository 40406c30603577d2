/** An error as Stripe answers it. */
export interface StripeError {
  status: number;
  error: { type: string; code?: string; message: string; param?: string };
}

/** The commonest of Stripe's errors: a request that Stripe refuses as it stands. */
export function invalidRequest(code: string, message: string, param?: string): StripeError {
  const status = code === "resource_missing" ? 404 : 400;
  return {
    status,
    error: { type: "invalid_request_error", code, message, ...(param ? { param } : {}) },
  };
}

/** Kinds of objects that Stripe's messages give another name. */
const names: Record<string, string> = {
  "billing_portal.configuration": "configuration",
  payment_method: "PaymentMethod",
  webhook_endpoint: "webhook endpoint",
};

/** The error for an id that no object of this kind has. */
export function missing(kind: string, id: string, param = "id"): StripeError {
  return invalidRequest("resource_missing", `No such ${names[kind] ?? kind}: '${id}'`, param);
}

/** Whether an answer is an error. */
export function isStripeError(answer: object): answer is StripeError {
  return "error" in answer && "status" in answer;
}
