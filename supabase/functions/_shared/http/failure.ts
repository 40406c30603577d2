import { type ErrorCode, errorStatus } from "./errors.ts";

/** Values with which an app can show an error in its own words, for example beside a field or in another language. */
export type Facts = Readonly<Record<string, unknown>>;

/**
 * An error as a value: handlers return it, and the endpoint turns it into an answer with the code, the message and the
 * facts.
 */
export interface Failure {
  readonly failed: true;
  readonly code: ErrorCode;
  /** The code's status in the registry, unless HTTP has a more exact one. */
  readonly status: number;
  /** What was wrong and what to do, in plain words. */
  readonly message: string;
  readonly facts: Facts | null;
  /** An identifier of the cause, for the log only. */
  readonly cause: string | null;
}

/** Makes a failure. The cause must be an identifier, such as a SQLSTATE, because it is logged unchanged. */
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

/** A failure that the caller did not cause. */
export function internalFailure(cause: string): Failure {
  return failure("internal", "Something went wrong here. Try again later.", { cause });
}

/** Whether a result is a failure. */
export function isFailure(result: unknown): result is Failure {
  return (
    typeof result === "object" && result !== null && "failed" in result && result.failed === true
  );
}

/** The answer for a failure: `{error: {code, message, facts}}`, with a Retry-After header where the caller must wait. */
export function failureResponse({ code, status, message, facts }: Failure): Response {
  const headers = new Headers();
  const seconds = facts?.retry_after;
  if (code === "rate_limited" && typeof seconds === "number") {
    headers.set("retry-after", String(Math.max(1, Math.ceil(seconds))));
  }
  return Response.json({ error: { code, message, facts } }, { status, headers });
}
