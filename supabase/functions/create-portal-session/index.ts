import { createServiceClient, createVisitorClient } from "../_shared/clients.ts";
import { parseEnvironment, parseVariables } from "../_shared/environment.ts";
import { paypalEnvironmentSchema, paypalManagementPage } from "../_shared/paypal.ts";
import { createStripe, stripeEnvironmentSchema } from "../_shared/stripe.ts";
import { createHandler } from "./handler.ts";

const variables = Deno.env.toObject();
const environment = parseEnvironment(variables);

Deno.serve(
  createHandler({
    auth: createVisitorClient(environment).auth,
    service: createServiceClient(environment),
    stripe: createStripe(parseVariables(stripeEnvironmentSchema, variables)),
    paypalPage: paypalManagementPage(parseVariables(paypalEnvironmentSchema, variables)),
    allowedOrigins: environment.allowedOrigins,
  }),
);
