import { z } from "zod";
import { isServiceRequest } from "../_shared/auth/service-key.ts";
import { anybody, createEndpoint, noBody } from "../_shared/http/endpoint.ts";
import { isFailure } from "../_shared/http/failure.ts";
import type { Log } from "../_shared/http/log.ts";
import { callRpc, type RpcClient } from "../_shared/supabase/rpc.ts";

/** What the health function needs from outside. */
export interface HealthDependencies {
  /** Whether the database answers through the Data API. */
  databaseAnswers(): Promise<boolean>;
  /** Acts as the service role. */
  service: RpcClient;
  serviceKeys: readonly string[];
  log?: Log;
}

const pulseSchema = z.object({
  sweep_age_s: z.number().nullable(),
  last_webhook_age_s: z.number().nullable(),
  attention: z.number(),
});

/**
 * Answers 200 with `{status: "ok"}` while the functions run and the database answers, else 503 with `{status: "unavailable"}`. A
 * request with the secret key also gets the state of the database, the sweep, the webhooks, and the number of things that need
 * attention. A provider that has sent no event for long does not cause 503: a monitor would restart a healthy system.
 */
export function createHandler(
  dependencies: HealthDependencies,
): (request: Request) => Promise<Response> {
  const { databaseAnswers, service, serviceKeys, log } = dependencies;
  return createEndpoint({
    name: "health",
    methods: ["GET", "HEAD"],
    allowedOrigins: null,
    log,
    caller: anybody,
    body: noBody,
    handle: async ({ request }) => {
      if (!(await isServiceRequest(request, serviceKeys))) {
        const status = (await databaseAnswers()) ? "ok" : "unavailable";
        return Response.json({ status }, { status: status === "ok" ? 200 : 503 });
      }
      const pulse = await callRpc(service, "billing_health", {}, pulseSchema);
      if (isFailure(pulse)) {
        return Response.json({ status: "unavailable", database: "unavailable" }, { status: 503 });
      }
      return { status: "ok", database: "ok", ...pulse };
    },
  });
}
