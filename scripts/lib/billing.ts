import type { Providers } from "../../supabase/functions/_shared/billing/provider.ts";
import { createProviders } from "../../supabase/functions/_shared/billing/providers.ts";
import type { DatabaseChoice } from "./database-choice.ts";
import { functionsVariables } from "./functions-variables.ts";
import { UserError } from "./user-error.ts";

/**
 * The payment providers whose keys are among the variables of the edge functions.
 *
 * @throws UserError when there is none
 */
export async function requireProviders(choice: DatabaseChoice): Promise<Providers> {
  const providers = createProviders(await functionsVariables(choice), null);
  if (Object.keys(providers).length > 0) return providers;
  throw new UserError(
    "Neither STRIPE_SECRET_KEY nor PAYPAL_CLIENT_ID is set, so no payment provider can be read.",
    "Set them to the values that the functions of the project have, then run the command again.",
  );
}
