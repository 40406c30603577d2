import { readFileSync } from "node:fs";
import { z } from "zod";

const statusSchema = z.object({
  API_URL: z.string(),
  DB_URL: z.string(),
  FUNCTIONS_URL: z.string(),
  PUBLISHABLE_KEY: z.string(),
  SECRET_KEY: z.string(),
  JWT_SECRET: z.string(),
  ANON_KEY: z.string(),
  SERVICE_ROLE_KEY: z.string(),
  // Supabase's own services, which the workflow starts with Docker, have none of the following.
  DEMO_EMAIL: z.string().optional(),
  DEMO_PASSWORD: z.string().optional(),
  STRIPE_WEBHOOK_SECRET: z.string().optional(),
  /** The stand-in for Stripe. */
  STRIPE_API_BASE: z.string().optional(),
  MAIL_URL: z.string().optional(),
  APP_URL: z.string().optional(),
  /** The main database, as the superuser. */
  ADMIN_DB_URL: z.string().optional(),
  /** A second database, to which the migrations were pushed while new objects were granted to nobody. */
  REVOKED_DB_URL: z.string().optional(),
});

/** How to reach the stack under test. */
export type TestStack = z.infer<typeof statusSchema>;

/** The stack whose status file PINEBASE_STATUS names: the one that `npm test` has started, or any other. */
export const stack: TestStack = statusSchema.parse(JSON.parse(readStatusFile()));

/** The address of the example app. */
export const appUrl = stack.APP_URL ?? "";

/** Lets the support code of this test file use another database than the one that all files share. */
export function useDatabase(url: string): void {
  stack.DB_URL = url;
}

function readStatusFile(): string {
  const file = process.env.PINEBASE_STATUS;
  if (file === undefined) {
    throw new Error("These tests need a stack: run them by npm test, or set PINEBASE_STATUS.");
  }
  return readFileSync(file, "utf8");
}
