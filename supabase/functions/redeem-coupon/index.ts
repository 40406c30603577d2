import { createStripe, stripeEnvironmentSchema } from "../_shared/stripe/client.ts";
import { mirrorCoupon } from "../_shared/stripe/mirror-coupon.ts";
import { createUserDependencies } from "../_shared/supabase/clients.ts";
import { parseEnvironment, parseVariables } from "../_shared/supabase/environment.ts";
import { createHandler } from "./handler.ts";

const variables = Deno.env.toObject();
const environment = parseEnvironment(variables);
const user = createUserDependencies(environment);
const stripe = createStripe(parseVariables(stripeEnvironmentSchema, variables));

Deno.serve(
  createHandler({
    ...user,
    mirror:
      stripe &&
      (async (code) => {
        await mirrorCoupon(user.service, stripe.coupons, code);
      }),
  }),
);
