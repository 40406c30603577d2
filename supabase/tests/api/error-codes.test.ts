import { expect, it } from "vitest";
import { errorCodes, errorStatus } from "../../functions/_shared/http/errors.ts";
import { asOperator } from "../support/clients.ts";

it("the error codes of functions and apps are those of the database, and seven more that only functions return", async () => {
  const rows = await asOperator(
    (sql) => sql<{ identifier: string; status: number }[]>`
      select identifier, status from private.error_codes
    `,
  );
  expect(errorStatus).toEqual({
    ...Object.fromEntries(rows.map(({ identifier, status }) => [identifier, status])),
    invalid_signature: 400,
    invalid_body: 400,
    method_not_allowed: 405,
    payload_too_large: 413,
    internal: 500,
    upstream_error: 502,
    not_configured: 503,
  });
  expect(errorCodes).toHaveLength(rows.length + 7);
});
