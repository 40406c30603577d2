import assert from "node:assert/strict";
import type { ClaimsReader } from "../../functions/_shared/auth/caller.ts";
import type { LogFields } from "../../functions/_shared/http/log.ts";
import { errorResponseSchema } from "../../functions/_shared/http/schemas.ts";

/** The id of the user whom `acceptToken` signs in. */
export const userId = "11111111-2222-4333-8444-555555555555";

/** An Auth that accepts one token, of this user; further claims can be given. */
export function acceptToken(accepted: string, claims: object = {}): ClaimsReader {
  return {
    getClaims: (token) =>
      Promise.resolve(
        token === accepted
          ? { data: { claims: { sub: userId, role: "authenticated", ...claims } }, error: null }
          : { data: null, error: { status: 403 } },
      ),
  };
}

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

/** The error of an answer; fails if it does not have the form of all errors. */
export async function errorOf(response: Response) {
  const { error } = errorResponseSchema.parse(await response.json());
  assert.match(response.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
  return { status: response.status, ...error };
}

/** Asserts that a value has at least the expected fields. Lists must have the same length. */
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
