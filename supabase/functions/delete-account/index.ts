import { createServiceClient, createVisitorClient } from "../_shared/clients.ts";
import { parseEnvironment, parseVariables } from "../_shared/environment.ts";
import { createStripe, stripeEnvironmentSchema } from "../_shared/stripe.ts";
import { createStripeReader, isLiveKey } from "../_shared/stripe-reader.ts";
import { createAccounts } from "./account.ts";
import { createBilling } from "./billing.ts";
import { createFiles } from "./files.ts";
import { createHandler } from "./handler.ts";
import { createRefresh } from "./refresh.ts";

const variables = Deno.env.toObject();
const environment = parseEnvironment(variables);
const service = createServiceClient(environment);
const settings = parseVariables(stripeEnvironmentSchema, variables);
const client = createStripe(settings);

Deno.serve(
  createHandler({
    auth: createVisitorClient(environment).auth,
    service,
    accounts: createAccounts(service),
    billing: createBilling(client),
    refresh: createRefresh(
      service,
      client && {
        client,
        reader: createStripeReader(client, isLiveKey(settings.STRIPE_SECRET_KEY ?? "")),
      },
    ),
    files: createFiles(service.storage.from("strategy-exports")),
    allowedOrigins: environment.allowedOrigins,
  }),
);
