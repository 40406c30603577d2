import { z } from "zod";
import { createPaypalClient, paypalEnvironmentSchema } from "../paypal/client.ts";
import { createPaypalProvider } from "../paypal/provider.ts";
import { createStripe, isLiveKey, stripeEnvironmentSchema } from "../stripe/client.ts";
import { mirrorCoupon } from "../stripe/mirror-coupon.ts";
import { createStripeProvider } from "../stripe/provider.ts";
import { checkoutSettingsSchema } from "../stripe/sessions.ts";
import { parseWebhookSecrets } from "../stripe/signature.ts";
import type { Client } from "../supabase/clients.ts";
import { parseVariables, type Variables } from "../supabase/environment.ts";
import type { Providers } from "./provider.ts";

const settingsSchema = stripeEnvironmentSchema.extend({
  STRIPE_WEBHOOK_SECRET: z.string().default(""),
  STRIPE_PORTAL_CONFIGURATION: z.string().optional(),
  ...checkoutSettingsSchema.shape,
});

/**
 * Makes the providers whose keys are set.
 *
 * @param coupons a client that reads the coupons for a checkout; null in a function that opens none
 * @throws Error naming each variable that is wrong
 */
export function createProviders(variables: Variables, coupons: Client | null): Providers {
  const settings = parseVariables(settingsSchema, variables);
  const paypalSettings = parseVariables(paypalEnvironmentSchema, variables);
  const stripe = createStripe(settings);
  const paypal = createPaypalClient(paypalSettings);
  return {
    ...(stripe
      ? {
          stripe: createStripeProvider({
            stripe,
            livemode: isLiveKey(settings.STRIPE_SECRET_KEY ?? ""),
            webhookSecrets: parseWebhookSecrets(settings.STRIPE_WEBHOOK_SECRET),
            checkout: settings,
            portalConfiguration: settings.STRIPE_PORTAL_CONFIGURATION ?? null,
            mirrorCoupon: (code) => {
              if (coupons === null) throw new Error("This function opens no checkout.");
              return mirrorCoupon(coupons, stripe.coupons, code);
            },
          }),
        }
      : {}),
    ...(paypal ? { paypal: createPaypalProvider(paypal, paypalSettings) } : {}),
  };
}
