import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { readJsonIfThere, writePrivately } from "./private-file.ts";
import { signToken } from "./tokens.ts";

const secretsSchema = z.object({
  /** Of the bootstrap superuser. */
  superuserPassword: z.string(),
  /** Of the role postgres: part of DB_URL. */
  databasePassword: z.string(),
  /** Of the roles that Auth and the Data API sign in as. */
  servicePassword: z.string(),
  jwtSecret: z.string(),
  publishableKey: z.string(),
  secretKey: z.string(),
  /** When the two API keys that are tokens were made, in seconds since 1970. */
  keysIssuedAt: z.number(),
  demoPassword: z.string(),
  stripeWebhookSecret: z.string(),
});

/** The secrets of one stack. They are made at random on this machine and stay the same at every start. */
export type Secrets = z.infer<typeof secretsSchema>;

/**
 * Reads the secrets of a data folder, or makes them where there are none yet.
 *
 * @throws UserError when the file is damaged
 */
export async function loadSecrets(dir: string): Promise<Secrets> {
  const file = join(dir, "secrets.json");
  const next = "Restore it from a copy, or delete the local data with npm run reset.";
  const present = await readJsonIfThere(file, secretsSchema, next);
  if (present !== null) return present;

  const secrets: Secrets = {
    superuserPassword: random(24),
    databasePassword: random(24),
    servicePassword: random(24),
    jwtSecret: random(48),
    publishableKey: `sb_publishable_${random(24)}`,
    secretKey: `sb_secret_${random(24)}`,
    keysIssuedAt: Math.floor(Date.now() / 1000),
    demoPassword: random(15),
    stripeWebhookSecret: `whsec_${randomBytes(32).toString("hex")}`,
  };
  await writePrivately(file, `${JSON.stringify(secrets, null, 2)}\n`);
  return secrets;
}

/** An API key that is a token, valid for ten years, as hosted's legacy keys are. */
export function roleToken(secrets: Secrets, role: "anon" | "service_role"): string {
  const tenYears = 10 * 365 * 24 * 60 * 60;
  return signToken(
    { iss: "supabase", role, iat: secrets.keysIssuedAt, exp: secrets.keysIssuedAt + tenYears },
    secrets.jwtSecret,
  );
}

function random(bytes: number): string {
  return randomBytes(bytes).toString("base64url");
}
