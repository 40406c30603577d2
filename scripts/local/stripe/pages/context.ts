import { z } from "zod";
import type { StripeObject } from "../route.ts";

/** What the pages work on: they read the objects, and change them by the routes of the API alone. */
export interface PageContext {
  objects(kind: string): StripeObject[];
  call(method: "POST" | "DELETE", path: string, form: Record<string, string>): CallAnswer;
  /** Settles when the events so far have been delivered once. */
  delivered(): Promise<void>;
}

/** What the API answered. */
export interface CallAnswer {
  status: number;
  body: object;
}

/** The object of an id in the form that a page needs. */
export function find<Schema extends z.ZodType>(
  context: PageContext,
  kind: string,
  id: string | null | undefined,
  schema: Schema,
): z.output<Schema> | null {
  const found = context.objects(kind).find((object) => object.id === id);
  return found === undefined ? null : schema.parse(found);
}

/** The sentence of a refusal, or null where the call went through. */
export function refusalOf({ status, body }: CallAnswer): string | null {
  if (status < 400) return null;
  const error = z.object({ error: z.object({ message: z.string() }) }).safeParse(body);
  return error.data?.error.message ?? "The request was refused.";
}
