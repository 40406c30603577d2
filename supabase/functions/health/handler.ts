import { createEndpoint } from "../_shared/endpoint.ts";
import type { Log } from "../_shared/log.ts";

/** What the health function needs from outside. */
export interface HealthDependencies {
  /** Whether the database answers through the Data API. */
  databaseAnswers(): Promise<boolean>;
  log?: Log;
}

/**
 * Makes the handler of `GET /health`: 200 `{status: "ok"}` while the functions run and the database
 * answers, else 503 `{status: "unavailable"}`. For monitors; it tells nothing else.
 */
export function createHandler(
  dependencies: HealthDependencies,
): (request: Request) => Promise<Response> {
  return createEndpoint({
    name: "health",
    methods: ["GET", "HEAD"],
    allowedOrigins: null,
    log: dependencies.log,
    handle: async () => {
      const healthy = await dependencies.databaseAnswers();
      const body = { status: healthy ? "ok" : "unavailable" };
      return Response.json(body, { status: healthy ? 200 : 503 });
    },
  });
}
