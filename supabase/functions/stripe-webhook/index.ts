import { z } from "zod";
import { createServiceClient } from "../_shared/clients.ts";
import { parseEnvironment, parseVariables } from "../_shared/environment.ts";
import { createStripe, stripeEnvironmentSchema } from "../_shared/stripe.ts";
import { createStripeReader, isLiveKey } from "../_shared/stripe-reader.ts";
import { parseWebhookSecrets } from "../_shared/stripe-signature.ts";
import { createHandler } from "./handler.ts";

const variables = Deno.env.toObject();
const settings = parseVariables(
  stripeEnvironmentSchema.extend({ STRIPE_WEBHOOK_SECRET: z.string().default("") }),
  variables,
);
const stripe = createStripe(settings);

Deno.serve(
  createHandler({
    service: createServiceClient(parseEnvironment(variables)),
    secrets: parseWebhookSecrets(settings.STRIPE_WEBHOOK_SECRET),
    reader: stripe && createStripeReader(stripe, isLiveKey(settings.STRIPE_SECRET_KEY ?? "")),
  }),
);
