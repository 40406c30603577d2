import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import type { Environment } from "./environment.ts";

/** A client of the database. Functions have no generated types; zod parses the answers. */
export type Client = SupabaseClient;

type Platform = Pick<Environment, "supabaseUrl" | "publishableKey" | "secretKey">;

/** Milliseconds, longer than any statement may take. */
const timeout = 15_000;

/** A client that acts as the service role, which bypasses row-level security. */
export function createServiceClient({ supabaseUrl, secretKey }: Platform): Client {
  return createClient(supabaseUrl, secretKey, options);
}

/** A client that acts as a visitor, which is enough to verify a token. */
export function createVisitorClient({ supabaseUrl, publishableKey }: Platform): Client {
  return createClient(supabaseUrl, publishableKey, options);
}

/** The dependencies that all functions for users share. */
export function createUserDependencies(environment: Environment) {
  return {
    auth: createVisitorClient(environment).auth,
    service: createServiceClient(environment),
    allowedOrigins: environment.allowedOrigins,
  };
}

const fetchWithTimeout: typeof fetch = (input, init) => {
  const request = new Request(input, init);
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(timeout)]);
  return fetch(request, { signal });
};

const options = {
  auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
  global: { fetch: fetchWithTimeout },
};
