import { createServiceClient, createVisitorClient } from "../_shared/clients.ts";
import { parseEnvironment } from "../_shared/environment.ts";
import { createHandler } from "./handler.ts";

const environment = parseEnvironment(Deno.env.toObject());

Deno.serve(
  createHandler({
    auth: createVisitorClient(environment).auth,
    service: createServiceClient(environment),
    allowedOrigins: environment.allowedOrigins,
  }),
);
