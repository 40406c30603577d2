import { newLineLog } from "../log-file.ts";
import { standInKey } from "../status.ts";
import { createDeliveries, newEvent, type WebhookEndpoint } from "./deliveries.ts";
import { offerCatalog } from "./offer.ts";
import { startStripeStandIn } from "./stand-in.ts";
import { readState, writeState } from "./state.ts";

/** The stand-in for Stripe beside a stack. */
export interface LocalStripe {
  /** The variables by which the functions reach it. */
  variables: { STRIPE_SECRET_KEY: string; STRIPE_API_BASE: string };
  /** Sends every event to the webhook from now on, those of an earlier start first. */
  deliverTo(endpoint: WebhookEndpoint): void;
  stop(): Promise<void>;
}

/** The version of Stripe's API whose objects it makes. */
const apiVersion = "2026-10-28.endive";

/**
 * Starts the stand-in on the data of a folder, and offers there what the database sells.
 *
 * @param databaseUrl as the role postgres
 * @throws UserError when its data is damaged
 */
export async function startLocalStripe(dir: string, databaseUrl: string): Promise<LocalStripe> {
  const state = await readState(dir);
  const log = await newLineLog(dir, "stripe.log");
  const deliveries = createDeliveries(log);
  // Writes follow each other. Each writes what is true when its turn has come.
  let writing = Promise.resolve();
  const save = () => {
    const write = () =>
      writeState(dir, { port: stripe.port, objects: stripe.dump(), pending: deliveries.pending() });
    writing = writing.then(write, write);
    return writing;
  };

  const stripe = await startStripeStandIn({
    ...(state ? { port: state.port, objects: state.objects } : {}),
    onChange: save,
    delivered: deliveries.tried,
  });
  for (const event of state?.pending ?? []) deliveries.add(event);
  stripe.onEvent((type, object) => deliveries.add(newEvent(type, object, apiVersion)));
  if (state && state.port !== stripe.port) stripe.expireCheckouts();
  // Renewals, retries and scheduled ends come by themselves, also those that were due while nothing ran.
  stripe.catchUp();
  const clock = setInterval(() => {
    stripe.catchUp();
    save().catch((error: unknown) => log(String(error)));
  }, 60_000);
  const stop = async () => {
    clearInterval(clock);
    await stripe.close();
    await deliveries.stop();
    await save();
  };
  try {
    await offerCatalog(stripe, databaseUrl);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    variables: { STRIPE_SECRET_KEY: standInKey, STRIPE_API_BASE: stripe.url },
    deliverTo: deliveries.start,
    stop,
  };
}
