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

/** Where LLM_ALLOW_LOOPBACK is read. */
export const llmEnvironmentSchema = z.object({
  /** For a stand-in on this machine. On hosted a function's own machine is nobody's provider. */
  LLM_ALLOW_LOOPBACK: z
    .string()
    .default("false")
    .transform((text) => !["false", "0"].includes(text)),
});

/** The URL of a path below the provider's base URL. The path begins with a slash and has been checked. */
export function providerUrl({ base_url }: LlmProvider, path: string): URL {
  return new URL(`${base_url.replace(/\/+$/, "")}${path}`);
}

/** A path as an operator writes it: with or without the slash before it. */
export function withSlash(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}

/** Puts a key where the provider looks for it. */
export function setKey(headers: Headers, provider: LlmProvider, key: string): void {
  headers.set(provider.auth_header, provider.auth_scheme ? `${provider.auth_scheme} ${key}` : key);
}

/** The error for a provider whose address is not requested. */
export function refusedAddress(
  { name, provider }: LlmProvider,
  refusal: Exclude<Refusal, null>,
): Failure {
  const facts = { provider };
  switch (refusal) {
    case "not_resolved":
      return failure("upstream_error", `${name} cannot be found now. Try again later.`, {
        facts,
        cause: refusal,
      });
    case "not_https":
      return failure(
        "not_configured",
        `${name} is not reached by https. An operator has to correct its base URL, or set LLM_ALLOW_LOOPBACK for a program on the same machine.`,
        { facts, cause: refusal },
      );
    case "not_public":
      return failure(
        "not_configured",
        `${name} has an address that is not public. An operator has to correct its base URL.`,
        { facts, cause: refusal },
      );
  }
}
