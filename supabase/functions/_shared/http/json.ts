import { z } from "zod";

/** The facts of an error. */
export const factsSchema = z.record(z.string(), z.unknown()).nullable();

/** The value of a JSON text; undefined where the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The facts in the hint of a database error; null where it has none. */
export function parseFacts(hint: string | null | undefined): z.output<typeof factsSchema> {
  return factsSchema.safeParse(parseJson(hint ?? "null")).data ?? null;
}
