import { z } from "zod";
import { type Failure, failure } from "../http/failure.ts";
import type { Refusal } from "./public-address.ts";

/** A row of private.llm_providers. */
export const llmProviderSchema = z.object({
  provider: z.string(),
  name: z.string(),
  base_url: z.string(),
  auth_header: z.string(),
  auth_scheme: z.string().nullable(),
  extra_headers: z.record(z.string(), z.string()),
  path_prefixes: z.array(z.string()),
  check_path: z.string().nullable(),
});

/** A row of private.llm_providers. */
export type LlmProvider = z.infer<typeof llmProviderSchema>;

/** The variables of a function that calls providers of language models. */
export const llmEnvironmentSchema = z.object({
  /** Whether a provider may run on the same machine, as a stand-in does. Must not be set on hosted Supabase. */
  LLM_ALLOW_LOOPBACK: z
    .string()
    .default("false")
    .transform((text) => !["false", "0"].includes(text)),
});

/** The URL of a path below the provider's base URL. The path begins with a slash and has been checked. */
export function providerUrl({ base_url }: LlmProvider, path: string): URL {
  return new URL(`${base_url.replace(/\/+$/, "")}${path}`);
}

/** Adds the leading slash to a path where the operator has left it out. */
export function withSlash(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}

/** Sets a key in the header where the provider expects it. */
export function setKey(headers: Headers, provider: LlmProvider, key: string): void {
  headers.set(provider.auth_header, provider.auth_scheme ? `${provider.auth_scheme} ${key}` : key);
}

/** The failure for a provider whose address must not be called. */
export function refusedAddress(
  { name, provider }: LlmProvider,
  refusal: Exclude<Refusal, null>,
): Failure {
  const facts = { provider };
  switch (refusal) {
    case "not_resolved":
      return failure(
        "upstream_error",
        `The address of ${name} cannot be resolved now. Try again later.`,
        {
          facts,
          cause: refusal,
        },
      );
    case "not_https":
      return failure(
        "not_configured",
        `The base URL of ${name} is not an https URL. An operator must correct it, or set LLM_ALLOW_LOOPBACK for a program on the same machine.`,
        { facts, cause: refusal },
      );
    case "not_public":
      return failure(
        "not_configured",
        `The base URL of ${name} has an address that is not public. An operator must correct it.`,
        { facts, cause: refusal },
      );
  }
}
