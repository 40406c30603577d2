import { createServiceClient, createVisitorClient } from "../_shared/clients.ts";
import { parseEnvironment, parseVariables } from "../_shared/environment.ts";
import { createStripe, stripeEnvironmentSchema } from "../_shared/stripe/client.ts";
import { mirrorCoupon } from "../_shared/stripe/mirror-coupon.ts";
import { createHandler } from "./handler.ts";

const variables = Deno.env.toObject();
const environment = parseEnvironment(variables);
const service = createServiceClient(environment);
const stripe = createStripe(parseVariables(stripeEnvironmentSchema, variables));

Deno.serve(
  createHandler({
    auth: createVisitorClient(environment).auth,
    service,
    mirror:
      stripe &&
      (async (code) => {
        await mirrorCoupon(service, stripe.coupons, code);
      }),
    allowedOrigins: environment.allowedOrigins,
  }),
);
