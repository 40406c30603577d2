import { llmEnvironmentSchema } from "../_shared/llm/provider.ts";
import { createAddressCheck, resolveByDns } from "../_shared/llm/public-address.ts";
import { createUserDependencies } from "../_shared/supabase/clients.ts";
import { parseEnvironment, parseVariables } from "../_shared/supabase/environment.ts";
import { createHandler } from "./handler.ts";

const variables = Deno.env.toObject();
const environment = parseEnvironment(variables);
const { LLM_ALLOW_LOOPBACK } = parseVariables(llmEnvironmentSchema, variables);

/** Exists on hosted Supabase only: https://supabase.com/docs/guides/functions/background-tasks */
declare const EdgeRuntime: { waitUntil(work: Promise<unknown>): void } | undefined;

Deno.serve(
  createHandler({
    ...createUserDependencies(environment),
    operatorKey: (provider) =>
      variables[`LLM_KEY_${provider.toUpperCase().replaceAll("-", "_")}`] || null,
    checkAddress: createAddressCheck(resolveByDns, LLM_ALLOW_LOOPBACK),
    fetch,
    background: (work) => {
      if (typeof EdgeRuntime === "undefined") void work;
      else EdgeRuntime.waitUntil(work);
    },
  }),
);
