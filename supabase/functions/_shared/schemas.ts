import { z } from "zod";

/*
 * What each function takes and gives. An application gets these too: a change here is a change of the contract.
 */

/** What every function answers when something is wrong. */
export const errorResponseSchema = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    facts: z.record(z.string(), z.unknown()).nullable(),
  }),
});

/** `GET health` */
export const healthResponseSchema = z.object({ status: z.enum(["ok", "unavailable"]) });

/** `POST decrypt-api-key` */
export const decryptApiKeyRequestSchema = z.strictObject({
  /** Of the language-model provider, such as openai; case does not matter. */
  provider: z.string().trim().min(1).max(64),
});

/** `POST decrypt-api-key` */
export const decryptApiKeyResponseSchema = z.object({ provider: z.string(), api_key: z.string() });
