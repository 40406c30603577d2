import { join } from "node:path";
import { z } from "zod";
import { readJsonIfThere, writePrivately } from "../private-file.ts";
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
type StripeState = z.output<typeof stateSchema>;

/** The file's name in the folder of the stack. */
const stateFile = "stripe.json";

/** @throws UserError when the file is damaged */
export function readState(dir: string): Promise<StripeState | null> {
  const next =
    "Restore it from a copy, or delete the local data, with its subscriptions, by npm run reset.";
  return readJsonIfThere(join(dir, stateFile), stateSchema, next);
}

export async function writeState(dir: string, state: StripeState): Promise<void> {
  await writePrivately(join(dir, stateFile), JSON.stringify(state));
}
