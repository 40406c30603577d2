import { llmEnvironmentSchema } from "../_shared/llm/provider.ts";
import { createAddressCheck, resolveByDns } from "../_shared/llm/public-address.ts";
import { createUserDependencies } from "../_shared/supabase/clients.ts";
import { parseEnvironment, parseVariables } from "../_shared/supabase/environment.ts";
import { createHandler } from "./handler.ts";

const variables = Deno.env.toObject();
const environment = parseEnvironment(variables);
const { LLM_ALLOW_LOOPBACK } = parseVariables(llmEnvironmentSchema, variables);

Deno.serve(
  createHandler({
    ...createUserDependencies(environment),
    checkAddress: createAddressCheck(resolveByDns, LLM_ALLOW_LOOPBACK),
    fetch,
  }),
);
