import type { z } from "zod";
import { readJson } from "./body.ts";
import { type AllowedOrigins, allowOrigin, preflightResponse } from "./cors.ts";
import { type Failure, failure, failureResponse, internalFailure, isFailure } from "./failure.ts";
import { describeError, type Log, type LogFields, logToConsole } from "./log.ts";

/** A request on its way through an endpoint. */
export interface Context {
  request: Request;
  /** Made here, and never taken from outside: it goes to the audit trail. */
  requestId: string;
  /** Adds identifiers to the request's log line. Never a key, a token or a part of a body. */
  note(fields: LogFields): void;
}

/**
 * What an endpoint is. Its steps run in this order: who calls, what the body says, whether the caller has calls
 * left, and then the work. The first step that gives a failure is the last one.
 */
export interface Endpoint<Caller, Body> {
  /** Its name in the log. */
  name: string;
  methods: readonly string[];
  /** Which pages may call it from a browser; null where none has reason to. */
  allowedOrigins: AllowedOrigins | null;
  /** Whether a page may send any header, as clients of other services do; else those of supabase-js. */
  anyHeader?: boolean;
  /** Who may call: `user`, `userWithSecondFactor`, `anybody` or a check of its own. */
  caller(context: Context): Promise<Caller | Failure>;
  /** Form of the JSON that was sent, or a reader: `noBody`, or one of its own. */
  body: z.ZodType<Body> | ((context: Context & { caller: Caller }) => Promise<Body | Failure>);
  /** Counts the call. Gives a failure where the caller has used up their number of calls. */
  limit?(caller: Caller, body: Body): Promise<Failure | null>;
  /** Does the work. An object that is neither a response nor a failure is answered as JSON. */
  handle(context: Context & { caller: Caller; body: Body }): Promise<Response | Failure | object>;
  /** Standard output unless a test listens. */
  log?: Log | undefined;
}

/** The caller of an endpoint that serves everybody, or that knows its caller by the body alone. */
export const anybody = () => Promise.resolve(null);

/** The body of an endpoint that reads none. */
export const noBody = () => Promise.resolve(null);

/**
 * Makes a handler that does what every function does: gives the request an id, checks the method, answers
 * preflight, runs the steps, turns failures and whatever is thrown into `{error: {code, message, facts}}`, and
 * writes one log line.
 */
export function createEndpoint<Caller, Body>(
  endpoint: Endpoint<Caller, Body>,
): (request: Request) => Promise<Response> {
  const { allowedOrigins, methods, log = logToConsole } = endpoint;
  return async (request) => {
    const started = performance.now();
    const requestId = crypto.randomUUID();
    let notes: LogFields = {};
    const note = (fields: LogFields) => {
      notes = { ...notes, ...fields };
    };

    const response = await answer(endpoint, { request, requestId, note });
    response.headers.set("x-request-id", requestId);
    // Every answer is one person's, or of this moment.
    if (!response.headers.get("cache-control")?.startsWith("no-store")) {
      response.headers.set("cache-control", "no-store");
    }
    if (allowedOrigins && request.method !== "OPTIONS") {
      allowOrigin(request, response.headers, allowedOrigins);
    }
    log({
      time: new Date().toISOString(),
      level: response.status >= 500 ? "error" : "info",
      function: endpoint.name,
      request_id: requestId,
      // A method is whatever text a client sends.
      method: [...methods, "OPTIONS"].includes(request.method) ? request.method : "other",
      status: response.status,
      duration_ms: Math.round(performance.now() - started),
      ...notes,
    });
    return response;
  };
}

async function answer<Caller, Body>(
  endpoint: Endpoint<Caller, Body>,
  context: Context,
): Promise<Response> {
  const { request, note } = context;
  const { allowedOrigins, methods } = endpoint;
  if (request.method === "OPTIONS" && allowedOrigins) {
    return preflightResponse(request, methods, allowedOrigins, endpoint.anyHeader);
  }
  let result: object;
  if (methods.includes(request.method)) {
    try {
      result = await runSteps(endpoint, context);
    } catch (error) {
      note(describeError(error));
      result = internalFailure("thrown");
    }
  } else {
    result = failure("method_not_allowed", `Use ${methods.join(" or ")}.`, {
      facts: { allowed: methods },
    });
  }
  if (result instanceof Response) return result;
  if (!isFailure(result)) return Response.json(result);
  note({ code: result.code, cause: result.cause });
  const response = failureResponse(result);
  if (result.code === "method_not_allowed") response.headers.set("allow", methods.join(", "));
  return response;
}

async function runSteps<Caller, Body>(
  endpoint: Endpoint<Caller, Body>,
  context: Context,
): Promise<object> {
  const caller = await endpoint.caller(context);
  if (isFailure(caller)) return caller;
  const body = await (typeof endpoint.body === "function"
    ? endpoint.body({ ...context, caller })
    : readJson(context.request, endpoint.body));
  if (isFailure(body)) return body;
  const limited = await endpoint.limit?.(caller, body);
  return limited ?? (await endpoint.handle({ ...context, caller, body }));
}
