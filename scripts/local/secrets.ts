import { randomBytes } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../lib/user-error.ts";
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

/** Everything secret about one stack: made at random on this machine, the same at every start. */
export type Secrets = z.infer<typeof secretsSchema>;

/**
 * Reads the secrets of a data folder, or makes them where there are none yet.
 *
 * @throws UserError when the file is there and is not what this wrote
 */
export async function loadSecrets(dir: string): Promise<Secrets> {
  const file = join(dir, "secrets.json");
  const text = await readIfThere(file);
  if (text !== null) return parse(file, text);

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

/** The text of a file, or null when there is none. Any other trouble with it is an error. */
export async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

/** Writes a file that nobody but its owner can read, whole or not at all. */
export async function writePrivately(file: string, text: string): Promise<void> {
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, text, { mode: 0o600 });
  await rename(draft, file);
}

/** An API key that is a token, of ten years, as hosted's legacy keys are. */
export function roleToken(secrets: Secrets, role: "anon" | "service_role"): string {
  const tenYears = 10 * 365 * 24 * 60 * 60;
  return signToken(
    { iss: "supabase", role, iat: secrets.keysIssuedAt, exp: secrets.keysIssuedAt + tenYears },
    secrets.jwtSecret,
  );
}

function parse(file: string, text: string): Secrets {
  try {
    return secretsSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new UserError(
      `The file ${file} is damaged.`,
      "Put it back from a copy, or delete the local data with npm run reset.",
      { cause },
    );
  }
}

function random(bytes: number): string {
  return randomBytes(bytes).toString("base64url");
}
