import { type ErrorCode, errorStatus } from "./errors.ts";

/** What a form or a translation needs to tell an error in its own words. */
export type Facts = Readonly<Record<string, unknown>>;

/**
 * An error as a value: handlers return it, the endpoint turns it into an answer. What a caller may see is
 * the code, the message and the facts.
 */
export interface Failure {
  readonly failed: true;
  readonly code: ErrorCode;
  /** The registry's status of the code, unless HTTP has a closer one. */
  readonly status: number;
  /** One plain sentence that says what to do. */
  readonly message: string;
  readonly facts: Facts | null;
  /** For the log, never for the answer: what lies behind it, as an identifier and not as a text. */
  readonly cause: string | null;
}

/** Makes a failure. The cause must be an identifier, such as a SQLSTATE: it is logged as it is. */
export function failure(
  code: ErrorCode,
  message: string,
  details: { facts?: Facts | null; cause?: string | null; status?: number } = {},
): Failure {
  return {
    failed: true,
    code,
    status: details.status ?? errorStatus[code],
    message,
    facts: details.facts ?? null,
    cause: details.cause ?? null,
  };
}

/** Something went wrong that is nobody's fault out there. */
export function internalFailure(cause: string): Failure {
  return failure("internal", "Something went wrong here. Try again later.", { cause });
}

/** Whether a result is a failure. */
export function isFailure(result: unknown): result is Failure {
  return (
    typeof result === "object" && result !== null && "failed" in result && result.failed === true
  );
}

/** The answer to a failure: `{error: {code, message, facts}}`, with Retry-After where one must wait. */
export function failureResponse({ code, status, message, facts }: Failure): Response {
  const headers = new Headers();
  const wait = facts?.retry_after;
  if (code === "rate_limited" && typeof wait === "number") {
    headers.set("retry-after", String(Math.max(1, Math.ceil(wait))));
  }
  return Response.json({ error: { code, message, facts } }, { status, headers });
}
