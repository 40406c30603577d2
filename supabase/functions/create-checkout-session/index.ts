import { createServiceClient, createVisitorClient } from "../_shared/clients.ts";
import { parseEnvironment, parseVariables } from "../_shared/environment.ts";
import { mirrorCoupon } from "../_shared/mirror-coupon.ts";
import { createStripe, stripeEnvironmentSchema } from "../_shared/stripe.ts";
import { createStripeReader, isLiveKey } from "../_shared/stripe-reader.ts";
import { createHandler } from "./handler.ts";

const variables = Deno.env.toObject();
const environment = parseEnvironment(variables);
const settings = parseVariables(stripeEnvironmentSchema, variables);
const service = createServiceClient(environment);
const client = createStripe(settings);

Deno.serve(
  createHandler({
    auth: createVisitorClient(environment).auth,
    service,
    stripe: client && {
      client,
      reader: createStripeReader(client, isLiveKey(settings.STRIPE_SECRET_KEY ?? "")),
    },
    mirrorCoupon: (code) => {
      if (client === null) throw new Error("Without a key there is no checkout to need a coupon.");
      return mirrorCoupon(service, client.coupons, code);
    },
    allowedOrigins: environment.allowedOrigins,
  }),
);
