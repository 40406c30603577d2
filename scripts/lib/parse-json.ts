import type { z } from "zod";

/** Parses JSON. Returns null for a text that is not JSON or does not fit the schema. */
export function parseJson<Schema extends z.ZodType>(
  text: string,
  schema: Schema,
): z.output<Schema> | null {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
