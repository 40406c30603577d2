import { createServiceClient, createVisitorClient } from "../_shared/clients.ts";
import { parseEnvironment, parseVariables } from "../_shared/environment.ts";
import { createPaypal, paypalEnvironmentSchema } from "../_shared/paypal.ts";
import { createStripe, isMissingAtStripe, stripeEnvironmentSchema } from "../_shared/stripe.ts";
import { createHandler } from "./handler.ts";

const variables = Deno.env.toObject();
const environment = parseEnvironment(variables);
const stripe = createStripe(parseVariables(stripeEnvironmentSchema, variables));

Deno.serve(
  createHandler({
    auth: createVisitorClient(environment).auth,
    service: createServiceClient(environment),
    paypal: createPaypal(parseVariables(paypalEnvironmentSchema, variables)),
    async closeStripeSession(id) {
      if (stripe === null) return true;
      try {
        const session = await stripe.checkout.sessions.retrieve(id);
        if (session.status === "open") await stripe.checkout.sessions.expire(id);
        return session.status !== "complete";
      } catch (error) {
        if (isMissingAtStripe(error)) return true;
        throw error;
      }
    },
    allowedOrigins: environment.allowedOrigins,
  }),
);
