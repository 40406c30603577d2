import assert from "node:assert/strict";
import type { LogFields } from "../../functions/_shared/http/log.ts";
import { errorResponseSchema } from "../../functions/_shared/http/schemas.ts";

/** A log that keeps its lines. */
export function keptLog() {
  const lines: LogFields[] = [];
  return { lines, log: (line: LogFields) => void lines.push(line) };
}

/** A POST request with a JSON body. */
export function post(body: unknown, headers: Record<string, string> = {}): Request {
  return new Request("http://functions.test/name", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

/** The error in an answer, after checking the form that all errors have. */
export async function errorOf(response: Response) {
  const { error } = errorResponseSchema.parse(await response.json());
  assert.match(response.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
  return { status: response.status, ...error };
}

/** Whether a value has at least what is expected of it. Lists have to be of one length. */
export function assertMatches(actual: unknown, expected: unknown): void {
  assert.deepEqual(pickLike(actual, expected), expected);
}

function pickLike(actual: unknown, expected: unknown): unknown {
  if (Array.isArray(actual) && Array.isArray(expected)) {
    return actual.map((one, index) => pickLike(one, expected[index]));
  }
  if (typeof actual !== "object" || typeof expected !== "object" || !actual || !expected) {
    return actual;
  }
  const fields = actual as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(expected).map(([key, value]) => [key, pickLike(fields[key], value)]),
  );
}
