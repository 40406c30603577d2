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
  // The real services, which the workflow runs, have no demo user and no second database.
  DEMO_EMAIL: z.string().optional(),
  DEMO_PASSWORD: z.string().optional(),
  STRIPE_WEBHOOK_SECRET: z.string().optional(),
  /** Of the stand-in for Stripe. */
  STRIPE_API_BASE: z.string().optional(),
  MAIL_URL: z.string().optional(),
  APP_URL: z.string().optional(),
  /** A superuser's. */
  ADMIN_DB_URL: z.string().optional(),
  /** A second database, whose new objects were granted to nobody when the migrations were pushed. */
  REVOKED_DB_URL: z.string().optional(),
});

/** How to reach the stack under test. */
export type TestStack = z.infer<typeof statusSchema>;

/** The stack that `npm test` started, or another one whose status file PINEBASE_STATUS names. */
export const stack: TestStack = statusSchema.parse(JSON.parse(readStatusFile()));

/** The address of the example app. */
export const appUrl = stack.APP_URL ?? "";

function readStatusFile(): string {
  const file = process.env.PINEBASE_STATUS;
  if (file === undefined) {
    throw new Error("These tests need a stack: run them by npm test, or set PINEBASE_STATUS.");
  }
  return readFileSync(file, "utf8");
}
