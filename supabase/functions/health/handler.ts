/** What the health function needs from outside. */
export interface HealthDependencies {
  /** Whether the database answers through the Data API. */
  databaseAnswers(): Promise<boolean>;
}

/**
 * Makes the handler of `GET /health`: 200 `{status: "ok"}` while the functions run and the database
 * answers, else 503 `{status: "unavailable"}`. For monitors; it tells nothing else.
 */
export function createHandler(
  dependencies: HealthDependencies,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const requestId = crypto.randomUUID();
    const headers = { "cache-control": "no-store", "x-request-id": requestId };
    if (request.method !== "GET" && request.method !== "HEAD") {
      const error = {
        code: "method_not_allowed",
        message: "Use GET to ask for the health.",
        facts: null,
      };
      return Response.json({ error }, { status: 405, headers: { ...headers, allow: "GET, HEAD" } });
    }
    const healthy = await dependencies.databaseAnswers();
    const body = { status: healthy ? "ok" : "unavailable" };
    return Response.json(body, { status: healthy ? 200 : 503, headers });
  };
}
