import { createServiceClient } from "../_shared/clients.ts";
import { parseEnvironment, parseVariables } from "../_shared/environment.ts";
import { createPaypal, paypalEnvironmentSchema } from "../_shared/paypal.ts";
import { createHandler } from "./handler.ts";

const variables = Deno.env.toObject();
const settings = parseVariables(paypalEnvironmentSchema, variables);

Deno.serve(
  createHandler({
    service: createServiceClient(parseEnvironment(variables)),
    paypal: settings.PAYPAL_WEBHOOK_ID ? createPaypal(settings) : null,
  }),
);
