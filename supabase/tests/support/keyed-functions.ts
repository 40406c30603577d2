import { startFunctions } from "../../../scripts/local/functions.ts";
import { scratchFolder } from "./commands.ts";
import { stack } from "./stack.ts";

/** The origin of the app whose pages may call these functions. */
export const app = "https://app.pinebase.test";

/** The value of STRIPE_WEBHOOK_SECRET. */
export const webhookSecret = "whsec_of_the_tests";

/** Edge functions with keys of providers, beside the stack's own, which have none. */
export interface KeyedFunctions {
  url: string;
  /** The folder of their log. */
  dir: string;
  stop(): Promise<void>;
}

/** Starts the edge functions once more, on the same database, with these variables. */
export async function startKeyedFunctions(
  environment: Record<string, string>,
): Promise<KeyedFunctions> {
  const folder = await scratchFolder();
  const functions = await startFunctions({
    dir: folder.path,
    environment: {
      SUPABASE_URL: stack.API_URL,
      SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: stack.PUBLISHABLE_KEY }),
      SUPABASE_SECRET_KEYS: JSON.stringify({ default: stack.SECRET_KEY }),
      ALLOWED_ORIGINS: app,
      STRIPE_WEBHOOK_SECRET: webhookSecret,
      ...environment,
    },
  });
  return {
    url: functions.url,
    dir: folder.path,
    async stop() {
      await functions.stop();
      await folder.remove();
    },
  };
}
