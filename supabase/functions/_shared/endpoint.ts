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

/** What an endpoint is. */
export interface Endpoint {
  /** Its name in the log. */
  name: string;
  methods: readonly string[];
  /** Which pages may call it from a browser; null where none has reason to. */
  allowedOrigins: AllowedOrigins | null;
  /** Whether a page may send any header, as clients of other services do; else those of supabase-js. */
  anyHeader?: boolean;
  handle(context: Context): Promise<Response | Failure>;
  /** Standard output unless a test listens. */
  log?: Log | undefined;
}

/**
 * Makes a handler that does what every function does: gives the request an id, checks the method, answers
 * preflight, turns failures and whatever is thrown into `{error: {code, message, facts}}`, and writes one log
 * line.
 */
export function createEndpoint(endpoint: Endpoint): (request: Request) => Promise<Response> {
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

async function answer(endpoint: Endpoint, context: Context): Promise<Response> {
  const { request, note } = context;
  const { allowedOrigins, methods } = endpoint;
  if (request.method === "OPTIONS" && allowedOrigins) {
    return preflightResponse(request, methods, allowedOrigins, endpoint.anyHeader);
  }
  let result: Response | Failure;
  if (methods.includes(request.method)) {
    try {
      result = await endpoint.handle(context);
    } catch (error) {
      note(describeError(error));
      result = internalFailure("thrown");
    }
  } else {
    result = failure("method_not_allowed", `Use ${methods.join(" or ")}.`, {
      facts: { allowed: methods },
    });
  }
  if (!isFailure(result)) return result;
  note({ code: result.code, cause: result.cause });
  const response = failureResponse(result);
  if (result.code === "method_not_allowed") response.headers.set("allow", methods.join(", "));
  return response;
}
