import { z } from "zod";
import { isErrorCode } from "../http/errors.ts";
import { type Failure, failure, internalFailure } from "../http/failure.ts";
import { factsSchema, parseFacts } from "../http/json.ts";

/** The part of supabase-js that calls a function of the database. */
export interface RpcClient {
  rpc(
    name: string,
    args: Record<string, unknown>,
  ): PromiseLike<{
    data: unknown;
    error: { code?: string; message: string; details?: string | null; hint?: string | null } | null;
  }>;
}

// The form of private.error_result(), which returns an error without undoing the transaction.
const returnedErrorSchema = z.object({
  ok: z.literal(false),
  error: z.object({ code: z.string(), message: z.string(), facts: factsSchema.catch(null) }),
});

/**
 * Calls a function of the database. A registered error becomes a failure with its code, whether it was raised or
 * returned. Any other error becomes an internal failure, of which only the SQLSTATE is logged.
 */
export async function callRpc<Schema extends z.ZodType>(
  client: RpcClient,
  name: string,
  args: Record<string, unknown>,
  schema: Schema,
): Promise<z.output<Schema> | Failure> {
  const { data, error } = await client.rpc(name, args);
  if (error) {
    if (isErrorCode(error.details)) {
      return failure(error.details, error.message, { facts: parseFacts(error.hint) });
    }
    return internalFailure(error.code || "no_answer");
  }
  const returned = returnedErrorSchema.safeParse(data);
  if (returned.success) {
    const { code, message, facts } = returned.data.error;
    return isErrorCode(code) ? failure(code, message, { facts }) : internalFailure(code);
  }
  const parsed = schema.safeParse(data);
  return parsed.success ? parsed.data : internalFailure(`${name}:unexpected_answer`);
}
