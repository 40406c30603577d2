import { randomBytes, randomUUID } from "node:crypto";
import {
  createClient,
  type SupabaseClient,
  type SupabaseClientOptions,
} from "@supabase/supabase-js";
import postgres from "postgres";
import WebSocket from "ws";
import type { Database } from "../../../types/database.types.ts";
import { stack } from "./stack.ts";

/** A client of the Data API and Auth, typed by the generated types. */
export type Client = SupabaseClient<Database>;

/** A user with a session. */
export interface Person {
  id: string;
  email: string;
  password: string;
  client: Client;
}

/** A client without a session, with the publishable key: what a page has before somebody signs in. */
export function visitor(): Client {
  return newClient(stack.API_URL, stack.PUBLISHABLE_KEY);
}

/** A client with the secret key, as an app's own server has it. */
export function service(): Client {
  return newClient(stack.API_URL, stack.SECRET_KEY);
}

/** Signs up a new user with an email that no other user has. */
export async function signUp(name = "person"): Promise<Person> {
  const email = `${name}-${randomUUID()}@tests.pinebase.test`;
  const password = randomBytes(18).toString("base64url");
  const client = visitor();
  const { data, error } = await client.auth.signUp({ email, password });
  if (error) throw error;
  if (!data.user || !data.session) throw new Error(`${email} has no session after signing up`);
  return { id: data.user.id, email, password, client };
}

/** The access token of a person's session. */
export async function tokenOf({ client }: Pick<Person, "client">): Promise<string> {
  const { data } = await client.auth.getSession();
  return data.session?.access_token ?? "";
}

/**
 * Runs SQL as the role postgres, to arrange and to read what no client may. What a test is about is done through the public
 * API.
 */
export async function asOperator<T>(work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(stack.DB_URL, { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}

/** Makes a user premium for a day. */
export async function makePremium({ id }: { id: string }): Promise<void> {
  await asOperator(
    (sql) => sql`update public.users set premium_until = now() + interval '1 day' where id = ${id}`,
  );
}

/** Ends what `makePremium` gave. */
export async function endPremium({ id }: { id: string }): Promise<void> {
  await asOperator((sql) => sql`update public.users set premium_until = null where id = ${id}`);
}

/** An untyped client of any stack, which keeps its session in memory. */
export function newClient(
  url: string,
  key: string,
  options: SupabaseClientOptions<"public"> = {},
): SupabaseClient {
  return createClient(url, key, {
    auth: { persistSession: false, autoRefreshToken: false },
    // Node 20 has no WebSocket.
    realtime: { transport: WebSocket as never },
    ...options,
  });
}
