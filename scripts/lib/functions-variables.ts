import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseEnv } from "node:util";
import type { Variables } from "../../supabase/functions/_shared/environment.ts";
import { projectDir } from "../local/paths.ts";

/** What the edge functions would see: this terminal's variables, and supabase/functions/.env, which wins. */
export async function functionsVariables(): Promise<Variables> {
  const file = join(projectDir, "supabase", "functions", ".env");
  const text = await readFile(file, "utf8").catch(() => "");
  return { ...process.env, ...parseEnv(text) };
}
