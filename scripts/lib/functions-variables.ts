import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseEnv } from "node:util";
import type { Variables } from "../../supabase/functions/_shared/supabase/environment.ts";
import { projectDir } from "../local/paths.ts";
import { standInKey } from "../local/status.ts";
import { type DatabaseChoice, localStatus } from "./database-choice.ts";

/**
 * The variables that the edge functions have: those of this terminal, overridden by supabase/functions/.env. Without a
 * Stripe key, the local stack uses its stand-in for Stripe, as its functions do.
 */
export async function functionsVariables(choice: DatabaseChoice): Promise<Variables> {
  const file = join(projectDir, "supabase", "functions", ".env");
  const text = await readFile(file, "utf8").catch(() => "");
  const variables = { ...process.env, ...parseEnv(text) };
  if (variables.STRIPE_SECRET_KEY || choice.remote !== undefined) return variables;
  const standIn = (await localStatus(choice.dir))?.STRIPE_API_BASE;
  if (standIn === undefined) return variables;
  return { ...variables, STRIPE_SECRET_KEY: standInKey, STRIPE_API_BASE: standIn };
}
