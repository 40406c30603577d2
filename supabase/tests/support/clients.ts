import { randomBytes, randomUUID } from "node:crypto";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import postgres from "postgres";
import WebSocket from "ws";
import type { Database } from "../../../types/database.types.ts";
import { stack } from "./stack.ts";

/** A client of the Data API and Auth, typed by the generated types. */
export type Client = SupabaseClient<Database>;

/** A person with a session. */
export interface Person {
  id: string;
  email: string;
  password: string;
  client: Client;
}

/** What a page has that nobody signed in to: the publishable key. */
export function visitor(): Client {
  return client(stack.PUBLISHABLE_KEY);
}

/** What an app's own server has: the secret key. */
export function service(): Client {
  return client(stack.SECRET_KEY);
}

/** Signs up a new person with an email of their own. */
export async function signUp(name = "person"): Promise<Person> {
  const email = `${name}-${randomUUID()}@tests.pinebase.test`;
  const password = randomBytes(18).toString("base64url");
  const own = visitor();
  const { data, error } = await own.auth.signUp({ email, password });
  if (error) throw error;
  if (!data.user || !data.session) throw new Error(`${email} has no session after signing up`);
  return { id: data.user.id, email, password, client: own };
}

/**
 * Runs SQL as the role postgres, for what no client may arrange. Tests act through the public door.
 */
export async function asOperator<T>(work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(stack.DB_URL, { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}

/** Makes somebody premium for a day. */
export async function makePremium(person: Person): Promise<void> {
  await asOperator(
    (sql) => sql`
      update public.users
      set premium_until = now() + interval '1 day'
      where id = ${person.id}
    `,
  );
}

function client(key: string): Client {
  return createClient<Database>(stack.API_URL, key, {
    auth: { persistSession: false, autoRefreshToken: false },
    // Node has one of its own from 22 on.
    realtime: { transport: WebSocket as never },
  });
}
