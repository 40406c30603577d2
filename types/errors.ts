import { z } from "zod";
import {
  type ErrorCode,
  errorStatus,
  isErrorCode,
} from "../supabase/functions/_shared/http/errors.ts";
import { factsSchema, parseFacts, parseJson } from "../supabase/functions/_shared/http/json.ts";
import { errorResponseSchema } from "../supabase/functions/_shared/http/schemas.ts";

/** An error that Pinebase raised or answered. */
export interface PinebaseError {
  /** The stable identifier, by which an app distinguishes errors. */
  code: ErrorCode;
  /** The HTTP status of the code in the registry, or of the edge function's answer. */
  status: number;
  /** What was wrong and what to do, in plain words. */
  message: string;
  /** Values for an app's own words, such as the name of the argument. */
  facts: Record<string, unknown> | null;
  /** The id of the request to an edge function, to find it in the logs; null for the database. */
  requestId: string | null;
}

// An error of PostgREST, which supabase-js returns in `error` or throws. `details` is the identifier.
const postgrestErrorSchema = z.object({
  message: z.string(),
  details: z.custom<ErrorCode>(isErrorCode),
  hint: z.string().nullish(),
});

// FunctionsHttpError of supabase-js, which contains the answer of the edge function.
const functionsErrorSchema = z.object({
  context: z.custom<Response>(isResponse),
});

// The error in `{ok: false, error}`, which some functions return.
const returnedErrorSchema = z.object({
  code: z.custom<ErrorCode>(isErrorCode),
  message: z.string(),
  facts: factsSchema,
});

/**
 * Reads an error of supabase-js: the `error` of `rpc()`, `from()` and `functions.invoke()`, the error that
 * `throwOnError()` throws, and the `error` of an answer `{ok: false, error}`.
 *
 * @returns null for an error that does not come from Pinebase: a broken connection, an error of Postgres itself (42501,
 *   23505), an error of Auth
 */
export async function toPinebaseError(error: unknown): Promise<PinebaseError | null> {
  const raised = postgrestErrorSchema.safeParse(error);
  if (raised.success) {
    const { details: code, message, hint } = raised.data;
    return ofRegistry(code, message, parseFacts(hint));
  }
  const invoked = functionsErrorSchema.safeParse(error);
  if (invoked.success) {
    return await readResponse(invoked.data.context);
  }
  const returned = returnedErrorSchema.safeParse(error);
  if (returned.success) {
    const { code, message, facts } = returned.data;
    return ofRegistry(code, message, facts);
  }
  return null;
}

/**
 * A sentence that an app can show for any error: the message of Pinebase or Auth, or a general sentence. It is never
 * empty.
 */
export async function messageOf(error: unknown): Promise<string> {
  const known = await toPinebaseError(error);
  if (known) return known.message;
  const { code, name, message } = errorTextSchema.parse(error);
  const general = generalMessages[code ?? ""] ?? generalMessages[name ?? ""];
  if (general) return general;
  const text = message?.trim() ?? "";
  if (networkError.test(text)) return unreachable;
  if (text === "") return "Something went wrong. Try again later.";
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

const errorTextSchema = z
  .object({
    code: z.string().optional().catch(undefined),
    name: z.string().optional().catch(undefined),
    message: z.string().optional().catch(undefined),
  })
  .catch((context) => ({
    code: undefined,
    name: undefined,
    message: typeof context.input === "string" ? context.input : undefined,
  }));

const unreachable = "The server cannot be reached. Check the connection and try again.";

// The messages of fetch in Chromium, Firefox, Safari and Node.
const networkError = /failed to fetch|networkerror|load failed|fetch failed/i;

// Sentences for codes of Postgres and for errors whose own message does not help a user.
const generalMessages: Readonly<Record<string, string>> = {
  "42501": "You are not allowed to do this.",
  "23505": "This exists already. Choose another name.",
  "23514": "A value is not allowed here. Check what you entered.",
  "57014": "This took too long. Try again with less.",
  AuthRetryableFetchError: unreachable,
  FunctionsFetchError: unreachable,
  FunctionsHttpError: "The server could not answer. Try again later.",
  FunctionsRelayError: "The server could not answer. Try again later.",
};

/** Recognizes a Response by its members, because an app can use another fetch with another class Response. */
function isResponse(value: unknown): boolean {
  return typeof value === "object" && value !== null && "clone" in value && "headers" in value;
}

async function readResponse(response: Response): Promise<PinebaseError | null> {
  // The app may have read the body already, or may read it later, so a copy is read.
  if (response.bodyUsed) return null;
  const text = await response.clone().text();
  const parsed = errorResponseSchema.safeParse(parseJson(text));
  if (!parsed.success || !isErrorCode(parsed.data.error.code)) return null;
  const { code, message, facts } = parsed.data.error;
  const requestId = response.headers.get("x-request-id");
  return { code, status: response.status, message, facts, requestId };
}

function ofRegistry(
  code: ErrorCode,
  message: string,
  facts: Record<string, unknown> | null,
): PinebaseError {
  return { code, status: errorStatus[code], message, facts, requestId: null };
}
