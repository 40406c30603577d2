import { z } from "zod";
import { parseAllowedOrigins } from "../http/cors.ts";

const keysSchema = z
  .string()
  .transform((text, context) => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: "custom", message: "not JSON" });
      return z.NEVER;
    }
  })
  .pipe(z.record(z.string(), z.string()));

const originsSchema = z
  .string()
  .default("")
  .transform((list, context) => {
    try {
      return parseAllowedOrigins(list);
    } catch (error) {
      context.addIssue({ code: "custom", message: error instanceof Error ? error.message : "" });
      return z.NEVER;
    }
  });

/** Hosted Supabase sets those that begin with SUPABASE_: https://supabase.com/docs/guides/functions/secrets */
const environmentSchema = z.object({
  SUPABASE_URL: z.url(),
  SUPABASE_ANON_KEY: z.string().optional(),
  SUPABASE_SERVICE_ROLE_KEY: z.string().optional(),
  SUPABASE_PUBLISHABLE_KEYS: keysSchema.optional(),
  SUPABASE_SECRET_KEYS: keysSchema.optional(),
  /** Origins of the pages that may call functions from a browser, separated by commas. */
  ALLOWED_ORIGINS: originsSchema,
});

/** The settings that all functions share. */
export interface Environment {
  supabaseUrl: string;
  /** The key that pages use. */
  publishableKey: string;
  /** The key that bypasses row-level security. */
  secretKey: string;
  /** All keys and tokens of the service role. */
  serviceKeys: readonly string[];
  allowedOrigins: (origin: string) => boolean;
}

/** Environment variables. */
export type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Parses the variables that all functions share. A function that needs others parses them with `parseVariables`.
 *
 * @throws Error naming each variable that is missing or wrong, never its value
 */
export function parseEnvironment(variables: Variables): Environment {
  const parsed = parseVariables(environmentSchema, variables);
  const publishable = Object.values(parsed.SUPABASE_PUBLISHABLE_KEYS ?? {});
  const secret = Object.values(parsed.SUPABASE_SECRET_KEYS ?? {});
  const publishableKey =
    parsed.SUPABASE_PUBLISHABLE_KEYS?.default ?? parsed.SUPABASE_ANON_KEY ?? publishable[0];
  const secretKey =
    parsed.SUPABASE_SECRET_KEYS?.default ?? parsed.SUPABASE_SERVICE_ROLE_KEY ?? secret[0];
  if (!publishableKey) throw new Error("SUPABASE_PUBLISHABLE_KEYS: missing");
  if (!secretKey) throw new Error("SUPABASE_SECRET_KEYS: missing");
  const serviceKeys = [
    ...secret,
    ...(parsed.SUPABASE_SERVICE_ROLE_KEY ? [parsed.SUPABASE_SERVICE_ROLE_KEY] : []),
  ];
  return {
    supabaseUrl: parsed.SUPABASE_URL,
    publishableKey,
    secretKey,
    serviceKeys,
    allowedOrigins: parsed.ALLOWED_ORIGINS,
  };
}

/**
 * Parses variables by a schema. An empty one counts as missing, as it does in a `.env` file.
 *
 * @throws Error naming each variable that is missing or wrong, never its value
 */
export function parseVariables<Schema extends z.ZodType>(
  schema: Schema,
  variables: Variables,
): z.output<Schema> {
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ""));
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new Error(
    parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; "),
  );
}
