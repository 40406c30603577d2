import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import type { Environment } from "./environment.ts";

/** A client of the database. Its answers are parsed by zod: a function carries no generated types. */
export type Client = SupabaseClient;

type Platform = Pick<Environment, "supabaseUrl" | "publishableKey" | "secretKey">;

/** Longer than any statement may take; whoever waits longer is better told to try again. */
const timeout = 15_000;

/** Acts as the service role: it sees every row, and the function decides what to do with that. */
export function createServiceClient({ supabaseUrl, secretKey }: Platform): Client {
  return createClient(supabaseUrl, secretKey, options);
}

/** Acts as nobody. Enough to ask Auth whose a token is. */
export function createVisitorClient({ supabaseUrl, publishableKey }: Platform): Client {
  return createClient(supabaseUrl, publishableKey, options);
}

/** What every function for users has of the project. */
export function createUserDependencies(environment: Environment) {
  return {
    auth: createVisitorClient(environment).auth,
    service: createServiceClient(environment),
    allowedOrigins: environment.allowedOrigins,
  };
}

const fetchInTime: typeof fetch = (input, init) => {
  const request = new Request(input, init);
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(timeout)]);
  return fetch(request, { signal });
};

const options = {
  auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
  global: { fetch: fetchInTime },
};
