import { rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writePrivately } from "./private-file.ts";

/** The form of `Status`. */
export const statusSchema = z.object({
  API_URL: z.string(),
  /** The page that shows the mails of Auth. */
  MAIL_URL: z.string(),
  DB_URL: z.string(),
  FUNCTIONS_URL: z.string(),
  PUBLISHABLE_KEY: z.string(),
  SECRET_KEY: z.string(),
  JWT_SECRET: z.string(),
  ANON_KEY: z.string(),
  SERVICE_ROLE_KEY: z.string(),
  DEMO_EMAIL: z.string(),
  DEMO_PASSWORD: z.string(),
  STRIPE_WEBHOOK_SECRET: z.string(),
  /** The address of the stand-in for Stripe, if it runs. */
  STRIPE_API_BASE: z.string().optional(),
  /** The address of the example app, which an app's own project does not have. */
  APP_URL: z.string().optional(),
});

/** The addresses and keys of a running stack, under the names of `supabase status -o json` and of ours. */
export type Status = z.infer<typeof statusSchema>;

/** The secret key of the stand-in for Stripe. */
export const standInKey = "sk_test_stand_in";

/** Writes `status.json`, which only its owner can read. It exists while the stack runs. */
export async function writeStatus(dir: string, status: Status): Promise<string> {
  const file = statusFile(dir);
  await writePrivately(file, `${JSON.stringify(status, null, 2)}\n`);
  return file;
}

/** Deletes `status.json`, because the stack does not run any more. */
export async function removeStatus(dir: string): Promise<void> {
  await rm(statusFile(dir), { force: true });
}

/** The status as a person reads it. */
export function statusTable(status: Status): string {
  const rows = [
    ...(status.APP_URL ? [["Example app", status.APP_URL] as const] : []),
    ["API URL", status.API_URL],
    ["Functions URL", status.FUNCTIONS_URL],
    ["Mails", status.MAIL_URL],
    ["Database URL", status.DB_URL],
    ["Publishable key", status.PUBLISHABLE_KEY],
    ["Secret key", status.SECRET_KEY],
    ["Demo user", status.DEMO_EMAIL],
    ["Demo password", status.DEMO_PASSWORD],
  ] as const;
  return rows.map(([name, value]) => `  ${name.padEnd(17)}${value}`).join("\n");
}

function statusFile(dir: string): string {
  return join(dir, "status.json");
}
