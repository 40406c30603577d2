import { createServiceClient, createVisitorClient } from "../_shared/clients.ts";
import { parseEnvironment, parseVariables } from "../_shared/environment.ts";
import { llmEnvironmentSchema } from "../_shared/llm-provider.ts";
import { createAddressCheck, resolveByDns } from "../_shared/public-address.ts";
import { createHandler } from "./handler.ts";

const variables = Deno.env.toObject();
const environment = parseEnvironment(variables);
const { LLM_ALLOW_LOOPBACK } = parseVariables(llmEnvironmentSchema, variables);

Deno.serve(
  createHandler({
    auth: createVisitorClient(environment).auth,
    service: createServiceClient(environment),
    checkAddress: createAddressCheck(resolveByDns, LLM_ALLOW_LOOPBACK),
    fetch,
    allowedOrigins: environment.allowedOrigins,
  }),
);
