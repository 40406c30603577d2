import { createClient } from "@supabase/supabase-js";
import type { Database } from "pinebase";

/** The client of this app. It acts as the person who is signed in, and row-level security decides what that person sees. */
export const supabase = createClient<Database>(
  import.meta.env.VITE_SUPABASE_URL,
  import.meta.env.VITE_SUPABASE_PUBLISHABLE_KEY,
);
