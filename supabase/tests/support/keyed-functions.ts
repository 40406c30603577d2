import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startFunctions } from "../../../scripts/local/functions.ts";
import { stack } from "./stack.ts";

/** The pages of the tests' app. */
export const app = "https://app.pinebase.test";

/** The secret of the tests' webhook. */
export const webhookSecret = "whsec_of_the_tests";

/** The functions with keys of payment providers, beside the stack's own, which have none. */
export async function startKeyedFunctions(
  environment: Record<string, string>,
): Promise<{ url: string; dir: string; stop(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), "pinebase-functions-"));
  const functions = await startFunctions({
    dir,
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
    dir,
    async stop() {
      await functions.stop();
      await rm(dir, { recursive: true });
    },
  };
}
