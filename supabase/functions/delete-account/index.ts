import { createServiceClient, createVisitorClient } from "../_shared/clients.ts";
import { parseEnvironment, parseVariables } from "../_shared/environment.ts";
import { createStripe, stripeEnvironmentSchema } from "../_shared/stripe.ts";
import { createAccounts } from "./account.ts";
import { createBilling } from "./billing.ts";
import { createFiles } from "./files.ts";
import { createHandler } from "./handler.ts";

const variables = Deno.env.toObject();
const environment = parseEnvironment(variables);
const service = createServiceClient(environment);

Deno.serve(
  createHandler({
    auth: createVisitorClient(environment).auth,
    accounts: createAccounts(service),
    billing: createBilling(createStripe(parseVariables(stripeEnvironmentSchema, variables))),
    files: createFiles(service.storage.from("strategy-exports")),
    allowedOrigins: environment.allowedOrigins,
  }),
);
