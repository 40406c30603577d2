import { z } from "zod";
import {
  type ErrorCode,
  errorStatus,
  isErrorCode,
} from "../supabase/functions/_shared/http/errors.ts";
import { errorResponseSchema } from "../supabase/functions/_shared/http/schemas.ts";

/** An error that Pinebase knows. */
export interface PinebaseError {
  /** The stable identifier: what to switch on. */
  code: ErrorCode;
  /** The HTTP status: the registry's, or what an edge function answered. */
  status: number;
  /** One plain sentence that says what to do. */
  message: string;
  /** What a form or a translation needs, such as the name of the argument. */
  facts: Record<string, unknown> | null;
  /** Of the edge function's answer, to find it in the logs; null for the database. */
  requestId: string | null;
}

const factsSchema = z.record(z.string(), z.unknown()).nullable();

// What PostgREST answers, and supabase-js hands on in `error` or throws: `details` is the identifier.
const postgrestErrorSchema = z.object({
  message: z.string(),
  details: z.custom<ErrorCode>(isErrorCode),
  hint: z.string().nullish(),
});

// FunctionsHttpError of supabase-js carries the answer of the edge function.
const functionsErrorSchema = z.object({
  context: z.custom<Response>(isResponse),
});

// The error in `{ok: false, error}`, which some functions answer as a value.
const returnedErrorSchema = z.object({
  code: z.custom<ErrorCode>(isErrorCode),
  message: z.string(),
  facts: factsSchema,
});

/**
 * Reads an error of supabase-js: what `rpc()` and `from()` give in `error`, what `throwOnError()` throws, what
 * `functions.invoke()` gives in `error`, and what stands in an answer `{ok: false, error}`.
 *
 * @returns null for everything that Pinebase did not say itself: a broken connection, a refusal of
 *   Postgres (42501, 23505), an error of Auth
 */
export async function toPinebaseError(error: unknown): Promise<PinebaseError | null> {
  const raised = postgrestErrorSchema.safeParse(error);
  if (raised.success) {
    const { details: code, message, hint } = raised.data;
    return known(code, message, readFacts(hint));
  }
  const invoked = functionsErrorSchema.safeParse(error);
  if (invoked.success) {
    return await readResponse(invoked.data.context);
  }
  const returned = returnedErrorSchema.safeParse(error);
  if (returned.success) {
    const { code, message, facts } = returned.data;
    return known(code, message, facts);
  }
  return null;
}

/**
 * A sentence that an app can show for any error: Pinebase's own, the one that Auth or the network gave, or a general
 * one. It is never empty.
 */
export async function messageOf(error: unknown): Promise<string> {
  const known = await toPinebaseError(error);
  if (known) return known.message;
  const { code, name, message } = errorTextSchema.parse(error);
  const general = generalMessages[code ?? ""] ?? generalMessages[name ?? ""];
  if (general) return general;
  const text = message?.trim() ?? "";
  if (networkFault.test(text)) return unreachable;
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

// What fetch says in Chromium, Firefox, Safari and Node.
const networkFault = /failed to fetch|networkerror|load failed|fetch failed/i;

// Codes of Postgres, and names of errors that say nothing to a user.
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

/** A fetch of the app's own may have a Response of its own. */
function isResponse(value: unknown): boolean {
  return typeof value === "object" && value !== null && "clone" in value && "headers" in value;
}

async function readResponse(response: Response): Promise<PinebaseError | null> {
  // The app may read the answer too, before or after.
  if (response.bodyUsed) return null;
  const text = await response.clone().text();
  const parsed = errorResponseSchema.safeParse(readJson(text));
  if (!parsed.success || !isErrorCode(parsed.data.error.code)) return null;
  const { code, message, facts } = parsed.data.error;
  const requestId = response.headers.get("x-request-id");
  return { code, status: response.status, message, facts, requestId };
}

function known(
  code: ErrorCode,
  message: string,
  facts: Record<string, unknown> | null,
): PinebaseError {
  return { code, status: errorStatus[code], message, facts, requestId: null };
}

function readFacts(hint: string | null | undefined): Record<string, unknown> | null {
  const facts = factsSchema.safeParse(readJson(hint ?? "null"));
  return facts.success ? facts.data : null;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
