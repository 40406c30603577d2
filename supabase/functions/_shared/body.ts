import type { z } from "zod";
import { type Failure, failure, isFailure } from "./failure.ts";

/** Bytes that a body may have: webhooks carry whole objects, prompts are long, all else is a few fields. */
export const bodyLimit = { webhook: 256 * 1024, prompt: 1024 * 1024, other: 16 * 1024 } as const;

/**
 * Reads a body and stops at the first byte beyond the limit, so that nobody can fill the memory. The length
 * that a header announces is believed only where it is too great already.
 */
export async function readBytes(request: Request, limit: number): Promise<Uint8Array | Failure> {
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > limit) {
    await request.body?.cancel().catch(() => {});
    return tooLarge(limit);
  }
  const bytes = new Uint8Array(limit);
  let length = 0;
  const reader = request.body?.getReader();
  try {
    while (reader) {
      const { done, value } = await reader.read();
      if (done) break;
      if (length + value.length > limit) {
        await reader.cancel().catch(() => {});
        return tooLarge(limit);
      }
      bytes.set(value, length);
      length += value.length;
    }
  } catch {
    return failure("invalid_body", "The body broke off. Send the request again.");
  }
  return bytes.slice(0, length);
}

/** Reads a body as UTF-8, byte for byte what a signature was made over. */
export async function readText(request: Request, limit: number): Promise<string | Failure> {
  const bytes = await readBytes(request, limit);
  if (isFailure(bytes)) return bytes;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return failure("invalid_body", "The body is not UTF-8. Send it as JSON.");
  }
}

/** Reads a JSON body of the given form. The facts of a refusal name the first field that is wrong. */
export async function readJson<Schema extends z.ZodType>(
  request: Request,
  schema: Schema,
  limit: number = bodyLimit.other,
): Promise<z.output<Schema> | Failure> {
  const text = await readText(request, limit);
  if (isFailure(text)) return text;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return failure("invalid_body", "The body is not JSON. Send a JSON object.");
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join(".") || null;
  const message = field
    ? `The field ${field} is missing or not what it should be. Correct it.`
    : "The body is not what it should be. Send a JSON object with the known fields.";
  return failure("invalid_body", message, { facts: { field, reason: issue?.message ?? null } });
}

function tooLarge(limit: number): Failure {
  return failure("payload_too_large", `The body is too large. Send at most ${limit} bytes.`, {
    facts: { maximum: limit },
  });
}
