import type { z } from "zod";
import { deadline } from "../std/async/deadline.ts";
import { type Failure, failure, isFailure } from "./failure.ts";
import { parseJson } from "./json.ts";

/** The most bytes that a body may have. Webhooks carry whole objects and prompts are long; other bodies have few fields. */
export const bodyLimit = { webhook: 256 * 1024, prompt: 1024 * 1024, other: 16 * 1024 } as const;

/** Milliseconds within which a whole body must arrive. */
const arrivalTime = 10_000;

/**
 * Reads a body, and stops at the first byte beyond the limit or at the deadline. It uses at most twice the memory of
 * what has arrived, so that many requests which announce a long body and send nothing cost nothing. For the same reason
 * the Content-Length header is only used to refuse a body.
 *
 * @param time milliseconds after which the request fails with status 408
 */
export async function readBytes(
  request: Request,
  limit: number,
  time: number = arrivalTime,
): Promise<Uint8Array | Failure> {
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > limit) {
    await request.body?.cancel().catch(() => {});
    return tooLarge(limit);
  }
  const reader = request.body?.getReader();
  if (!reader) return new Uint8Array();
  try {
    return await deadline(readUpTo(limit, reader), time);
  } catch {
    // Only the deadline rejects: readUpTo returns its own errors as failures.
    reader.cancel().catch(() => {});
    return failure("invalid_body", "The body took too long to arrive. Send the request again.", {
      facts: { seconds: time / 1000 },
      status: 408,
    });
  }
}

async function readUpTo(
  limit: number,
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<Uint8Array | Failure> {
  let bytes = new Uint8Array(0);
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return bytes.subarray(0, length);
      const needed = length + value.length;
      if (needed > limit) {
        reader.cancel().catch(() => {});
        return tooLarge(limit);
      }
      if (needed > bytes.length) {
        const larger = new Uint8Array(Math.min(limit, Math.max(needed, 2 * bytes.length)));
        larger.set(bytes.subarray(0, length));
        bytes = larger;
      }
      bytes.set(value, length);
      length = needed;
    }
  } catch {
    return failure("invalid_body", "The body ended early. Send the request again.");
  }
}

/**
 * Whether a JSON text contains the character U+0000, which JSON can only write as the escape \u0000. After an escaped
 * backslash the same letters are plain text.
 */
export function containsNul(json: string): boolean {
  return /(?<!\\)(?:\\\\)*\\u0000/.test(json);
}

/**
 * Reads a JSON body as UTF-8 without any change, because a signature covers its exact bytes. The character U+0000 is
 * refused here for every function: Postgres cannot store it, so the request would end as an internal error.
 */
export async function readText(
  request: Request,
  limit: number,
  time?: number,
): Promise<string | Failure> {
  const bytes = await readBytes(request, limit, time);
  if (isFailure(bytes)) return bytes;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return failure("invalid_body", "The body is not UTF-8. Send it as JSON.");
  }
  return containsNul(text)
    ? failure("invalid_body", "The body contains the character U+0000. Remove it.")
    : text;
}

/** Reads a JSON body that must fit a schema. The facts of the failure name the first field that does not. */
export async function readJson<Schema extends z.ZodType>(
  request: Request,
  schema: Schema,
  limit: number = bodyLimit.other,
): Promise<z.output<Schema> | Failure> {
  const text = await readText(request, limit);
  if (isFailure(text)) return text;
  const json = parseJson(text);
  if (json === undefined) {
    return failure("invalid_body", "The body is not JSON. Send a JSON object.");
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join(".") || null;
  const message = field
    ? `The field ${field} is missing or invalid. Correct it.`
    : "The body is invalid. Send a JSON object with the documented fields.";
  return failure("invalid_body", message, { facts: { field, reason: issue?.message ?? null } });
}

function tooLarge(limit: number): Failure {
  return failure("payload_too_large", `The body is too large. Send at most ${limit} bytes.`, {
    facts: { maximum: limit },
  });
}
