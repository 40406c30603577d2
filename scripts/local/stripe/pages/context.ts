import { z } from "zod";
import type { StripeObject } from "../store.ts";

/** What a page reads from and works with. It changes objects by the routes of the API alone. */
export interface PageContext {
  list(kind: string): StripeObject[];
  /** Sends a request to the API. */
  post(path: string, form: Record<string, string>): ApiAnswer;
  /** Settles when every event so far has been delivered once. */
  delivered(): Promise<void>;
}

/** What the API answered. */
export interface ApiAnswer {
  status: number;
  body: object;
}

/** The object of an id, parsed, or null. */
export function find<Schema extends z.ZodType>(
  context: PageContext,
  kind: string,
  id: string | null | undefined,
  schema: Schema,
): z.output<Schema> | null {
  const found = context.list(kind).find((object) => object.id === id);
  return found === undefined ? null : schema.parse(found);
}

/** The message of a refusal, or null where the request was not refused. */
export function refusalOf({ status, body }: ApiAnswer): string | null {
  if (status < 400) return null;
  const error = z.object({ error: z.object({ message: z.string() }) }).safeParse(body);
  return error.data?.error.message ?? "The request was refused.";
}
