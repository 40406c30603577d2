/** An error as Stripe answers it. */
export interface StripeError {
  status: number;
  error: { type: string; code?: string; message: string; param?: string };
}

/** A request that cannot be done as it was asked; the commonest of Stripe's errors. */
export function invalidRequest(code: string, message: string, param?: string): StripeError {
  const status = code === "resource_missing" ? 404 : 400;
  return {
    status,
    error: { type: "invalid_request_error", code, message, ...(param ? { param } : {}) },
  };
}

/** There is no object of this id. */
export function missing(kind: string, id: string, param = "id"): StripeError {
  return invalidRequest("resource_missing", `No such ${kind}: '${id}'`, param);
}

/** Whether an answer is an error. */
export function isStripeError(answer: object): answer is StripeError {
  return "error" in answer && "status" in answer;
}
