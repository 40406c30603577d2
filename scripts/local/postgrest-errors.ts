import { z } from "zod";

const databaseErrorSchema = z.object({
  code: z.string().regex(/^[0-9A-Z]{5}$/),
  message: z.string(),
  detail: z.string().nullish(),
  hint: z.string().nullish(),
});

/**
 * The status that PostgREST gives a SQLSTATE, longest prefix first.
 * https://docs.postgrest.org/en/stable/references/errors.html#http-status-codes
 */
const statuses: ReadonlyArray<readonly [prefix: string, status: number]> = [
  ["23503", 409],
  ["23505", 409],
  ["25006", 405],
  ["42883", 404],
  ["42P01", 404],
  ["42P17", 500],
  ["53400", 500],
  ["57P01", 503],
  ["P0001", 400],
  ["08", 503],
  ["09", 500],
  ["0L", 403],
  ["0P", 403],
  ["25", 500],
  ["28", 403],
  ["2D", 500],
  ["38", 500],
  ["39", 500],
  ["3B", 500],
  ["40", 500],
  ["53", 503],
  ["54", 500],
  ["55", 500],
  ["57", 500],
  ["58", 500],
  ["F0", 500],
  ["HV", 500],
  ["P0", 500],
  ["XX", 500],
];

/** The SQLSTATEs that @supabase/lite answers with the same status as PostgREST. */
const leftAlone = /^(PT...|42...|22...|21...|23502|23503|23505|25006)$/;

/**
 * Gives a database error the status of PostgREST's answer where @supabase/lite would answer 500. It uses the form that
 * PostgREST defines for `raise sqlstate 'PGRST'`, because @supabase/lite reads that.
 */
export function withPostgrestStatus(error: unknown): unknown {
  const parsed = databaseErrorSchema.safeParse(error);
  if (!parsed.success || leftAlone.test(parsed.data.code)) return error;
  const { code, message, detail, hint } = parsed.data;
  const status = statuses.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 400;
  return {
    code: "PGRST",
    message: JSON.stringify({ code, message, details: detail ?? null, hint: hint ?? null }),
    detail: JSON.stringify({ status, headers: {} }),
  };
}
