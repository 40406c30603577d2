import { createProviders } from "../_shared/billing/providers.ts";
import { createServiceClient } from "../_shared/supabase/clients.ts";
import { parseEnvironment } from "../_shared/supabase/environment.ts";
import { createHandler } from "./handler.ts";

const variables = Deno.env.toObject();

Deno.serve(
  createHandler({
    service: createServiceClient(parseEnvironment(variables)),
    providers: createProviders(variables, null),
    hasWebhookId: Boolean(variables.PAYPAL_WEBHOOK_ID),
  }),
);
