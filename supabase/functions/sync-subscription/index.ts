import { createProviders } from "../_shared/billing/providers.ts";
import { createServiceClient, createVisitorClient } from "../_shared/clients.ts";
import { parseEnvironment } from "../_shared/environment.ts";
import { createHandler } from "./handler.ts";

const variables = Deno.env.toObject();
const environment = parseEnvironment(variables);

Deno.serve(
  createHandler({
    auth: createVisitorClient(environment).auth,
    service: createServiceClient(environment),
    providers: createProviders(variables, null),
    serviceKeys: environment.serviceKeys,
    allowedOrigins: environment.allowedOrigins,
  }),
);
