import { z } from "zod";
import { createServiceClient, createVisitorClient } from "../_shared/clients.ts";
import { parseEnvironment, parseVariables } from "../_shared/environment.ts";
import { paypalEnvironmentSchema, paypalManagementPage } from "../_shared/paypal.ts";
import { createStripe, stripeEnvironmentSchema } from "../_shared/stripe.ts";
import { createHandler } from "./handler.ts";

const variables = Deno.env.toObject();
const environment = parseEnvironment(variables);
const settings = parseVariables(
  stripeEnvironmentSchema.extend({ STRIPE_PORTAL_CONFIGURATION: z.string().optional() }),
  variables,
);

Deno.serve(
  createHandler({
    auth: createVisitorClient(environment).auth,
    service: createServiceClient(environment),
    stripe: createStripe(settings),
    configuration: settings.STRIPE_PORTAL_CONFIGURATION ?? null,
    paypalPage: paypalManagementPage(parseVariables(paypalEnvironmentSchema, variables)),
    allowedOrigins: environment.allowedOrigins,
  }),
);
