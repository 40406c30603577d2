import { createProviders } from "../_shared/billing/providers.ts";
import { createUserDependencies } from "../_shared/supabase/clients.ts";
import { parseEnvironment } from "../_shared/supabase/environment.ts";
import { createHandler } from "./handler.ts";

const variables = Deno.env.toObject();
const user = createUserDependencies(parseEnvironment(variables));

Deno.serve(createHandler({ ...user, providers: createProviders(variables, user.service) }));
