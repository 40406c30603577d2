import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "smol-toml";
import { z } from "zod";
import { UserError } from "../lib/user-error.ts";
import { projectDir } from "./paths.ts";

/** The settings of supabase/config.toml that the stack reads, under their names there. */
const configSchema = z.object({
  api: z.object({
    port: z.number().default(54321),
    schemas: z.array(z.string()).default(["public", "graphql_public"]),
    extra_search_path: z.array(z.string()).default(["public", "extensions"]),
    max_rows: z.number().default(1000),
    auto_expose_new_tables: z.boolean().default(true),
  }),
  db: z.object({
    port: z.number().default(54322),
    seed: z
      .object({ enabled: z.boolean().default(true), sql_paths: z.array(z.string()).default([]) })
      .default({ enabled: false, sql_paths: [] }),
  }),
  auth: z.object({
    site_url: z.string(),
    additional_redirect_urls: z.array(z.string()).default([]),
    jwt_expiry: z.number().default(3600),
    enable_refresh_token_rotation: z.boolean().default(true),
    refresh_token_reuse_interval: z.number().default(10),
    enable_signup: z.boolean().default(true),
    minimum_password_length: z.number().default(6),
    email: z
      .object({
        enabled: z.boolean().default(true),
        double_confirm_changes: z.boolean().default(true),
        enable_confirmations: z.boolean().default(false),
        otp_length: z.number().default(6),
        otp_expiry: z.number().default(3600),
      })
      .prefault({}),
  }),
  functions: z
    .record(
      z.string(),
      z.object({
        enabled: z.boolean().default(true),
        verify_jwt: z.boolean().default(true),
      }),
    )
    .default({}),
});

/** The settings of the local stack. */
export type Config = z.infer<typeof configSchema>;

/** The settings for an app at this address: links in mails lead to it, and a sign-in may return to it. */
export function withPage(config: Config, url: string): Config {
  const { auth } = config;
  const additional_redirect_urls = [...auth.additional_redirect_urls, `${url}/**`];
  return { ...config, auth: { ...auth, site_url: url, additional_redirect_urls } };
}

/**
 * Reads supabase/config.toml.
 *
 * @throws UserError when it cannot be read or a setting is invalid
 */
export async function loadConfig(): Promise<Config> {
  const file = join(projectDir, "supabase", "config.toml");
  try {
    return configSchema.parse(parse(await readFile(file, "utf8")));
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    throw new UserError(`supabase/config.toml cannot be used: ${reason}`, "Fix the file.", {
      cause,
    });
  }
}
