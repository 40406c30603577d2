import { createUserDependencies } from "../_shared/supabase/clients.ts";
import { parseEnvironment } from "../_shared/supabase/environment.ts";
import { createHandler } from "./handler.ts";

Deno.serve(createHandler(createUserDependencies(parseEnvironment(Deno.env.toObject()))));
