import { createProviders } from "../_shared/billing/providers.ts";
import { createUserDependencies } from "../_shared/supabase/clients.ts";
import { parseEnvironment } from "../_shared/supabase/environment.ts";
import { createFiles } from "./files.ts";
import { createHandler } from "./handler.ts";

const variables = Deno.env.toObject();
const environment = parseEnvironment(variables);
const user = createUserDependencies(environment);

Deno.serve(
  createHandler({
    ...user,
    providers: createProviders(variables, null),
    files: createFiles(user.service.storage.from("strategy-exports")),
  }),
);
