import { createServiceClient, createVisitorClient } from "../_shared/supabase/clients.ts";
import { parseEnvironment } from "../_shared/supabase/environment.ts";
import { createHandler } from "./handler.ts";

const environment = parseEnvironment(Deno.env.toObject());
const client = createVisitorClient(environment);

Deno.serve(
  createHandler({
    databaseAnswers: async () => {
      const { error } = await client
        .from("plans")
        .select("plan_type")
        .limit(1)
        .abortSignal(AbortSignal.timeout(5_000));
      return error === null;
    },
    service: createServiceClient(environment),
    serviceKeys: environment.serviceKeys,
  }),
);
