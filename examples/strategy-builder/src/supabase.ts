import { createClient } from "@supabase/supabase-js";
import type { Database } from "pinebase";

/** The client of this app. It acts as the signed-in user, and row-level security decides which rows they can use. */
export const supabase = createClient<Database>(
  import.meta.env.VITE_SUPABASE_URL,
  import.meta.env.VITE_SUPABASE_PUBLISHABLE_KEY,
);
