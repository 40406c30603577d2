import type { Providers } from "../../supabase/functions/_shared/billing/provider.ts";
import { createProviders } from "../../supabase/functions/_shared/billing/providers.ts";
import { functionsVariables } from "./functions-variables.ts";
import type { DatabaseChoice } from "./service-database.ts";
import { UserError } from "./user-error.ts";

/**
 * The payment providers whose keys the edge functions would see.
 *
 * @throws UserError without any
 */
export async function requireProviders(choice: DatabaseChoice): Promise<Providers> {
  const providers = createProviders(await functionsVariables(choice), null);
  if (Object.keys(providers).length > 0) return providers;
  throw new UserError(
    "Neither STRIPE_SECRET_KEY nor PAYPAL_CLIENT_ID is set, so no provider can be read.",
    "Set them as the functions of that project have them, and run the command again.",
  );
}
