import { createProviders } from "../_shared/billing/providers.ts";
import { createServiceClient, createVisitorClient } from "../_shared/clients.ts";
import { parseEnvironment } from "../_shared/environment.ts";
import { createHandler } from "./handler.ts";

const variables = Deno.env.toObject();
const environment = parseEnvironment(variables);
const service = createServiceClient(environment);

Deno.serve(
  createHandler({
    auth: createVisitorClient(environment).auth,
    service,
    providers: createProviders(variables, service),
    allowedOrigins: environment.allowedOrigins,
  }),
);
