import type { z } from "zod";
import type { functionSchemas } from "../supabase/functions/_shared/http/schemas.ts";

type Schemas = typeof functionSchemas;

/** The edge functions that an app calls. */
export type FunctionName = keyof Schemas;

/** The part of a supabase-js client that calls edge functions. */
export interface FunctionClient {
  functions: {
    invoke(
      name: string,
      options: { body: Record<string, unknown> },
    ): Promise<{ data: unknown; error: unknown }>;
  };
}

/**
 * Calls an edge function as the client's user. The function's schemas type the request and the answer.
 *
 * @param supabase a client of supabase-js
 * @param name of the function, such as `redeem-coupon`
 * @param body of the request; `{}` for a function without fields
 * @returns `data`, or the `error` of `functions.invoke` for `toPinebaseError` and `messageOf`
 */
export async function invokeFunction<Name extends FunctionName>(
  supabase: FunctionClient,
  name: Name,
  body: z.input<Schemas[Name]["request"]>,
): Promise<
  { data: z.output<Schemas[Name]["response"]>; error: null } | { data: null; error: Error }
> {
  const { data, error } = await supabase.functions.invoke(name, { body });
  if (error)
    return { data: null, error: error instanceof Error ? error : new Error(String(error)) };
  return { data: data as z.output<Schemas[Name]["response"]>, error: null };
}
