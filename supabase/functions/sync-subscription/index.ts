import { createServiceClient, createVisitorClient } from "../_shared/clients.ts";
import { parseEnvironment, parseVariables } from "../_shared/environment.ts";
import { createPaypal, paypalEnvironmentSchema } from "../_shared/paypal.ts";
import { createStripe, stripeEnvironmentSchema } from "../_shared/stripe.ts";
import { createStripeReader, isLiveKey } from "../_shared/stripe-reader.ts";
import { createHandler } from "./handler.ts";
import { syncedPaypal } from "./paypal.ts";
import { syncedStripe } from "./stripe.ts";

const variables = Deno.env.toObject();
const environment = parseEnvironment(variables);
const settings = parseVariables(stripeEnvironmentSchema, variables);
const stripe = createStripe(settings);
const reader = stripe && createStripeReader(stripe, isLiveKey(settings.STRIPE_SECRET_KEY ?? ""));
const paypal = createPaypal(parseVariables(paypalEnvironmentSchema, variables));

Deno.serve(
  createHandler({
    auth: createVisitorClient(environment).auth,
    service: createServiceClient(environment),
    providers: [
      ...(stripe && reader ? [syncedStripe(stripe, reader)] : []),
      ...(paypal ? [syncedPaypal(paypal)] : []),
    ],
    serviceKeys: environment.serviceKeys,
    allowedOrigins: environment.allowedOrigins,
  }),
);
