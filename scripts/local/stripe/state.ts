import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../lib/user-error.ts";
import { readIfThere, writePrivately } from "../secrets.ts";
import { eventsSchema } from "./deliveries.ts";

const stateSchema = z.object({
  /** The port of the pages, to which links in the database lead. */
  port: z.number(),
  /** The objects of each kind. */
  objects: z.record(z.string(), z.array(z.looseObject({ id: z.string() }))),
  /** Events that the webhook has not accepted yet. */
  pending: eventsSchema,
});

/** What the stand-in keeps between two starts, so that the database and the stand-in still agree. */
export type StripeState = z.output<typeof stateSchema>;

/** The file's name in the folder of the stack. */
const stateFile = "stripe.json";

/** @throws UserError when the file is damaged */
export async function readState(dir: string): Promise<StripeState | null> {
  const file = join(dir, stateFile);
  const text = await readIfThere(file);
  if (text === null) return null;
  try {
    return stateSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new UserError(
      `The file ${file} is damaged.`,
      "Restore it from a copy, or delete the local data, with its subscriptions, by npm run reset.",
      { cause },
    );
  }
}

/** Writes the state, whole or not at all. */
export async function writeState(dir: string, state: StripeState): Promise<void> {
  await writePrivately(join(dir, stateFile), JSON.stringify(state));
}
