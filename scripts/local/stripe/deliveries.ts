import { createHmac } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { newId, type StripeObject, secondsNow } from "./store.ts";

const eventSchema = z.object({
  id: z.string(),
  object: z.literal("event"),
  api_version: z.string(),
  created: z.number(),
  livemode: z.literal(false),
  pending_webhooks: z.number(),
  type: z.string(),
  data: z.object({ object: z.record(z.string(), z.unknown()) }),
});

/** An event as Stripe sends it: https://docs.stripe.com/api/events/object */
export type StripeEvent = z.output<typeof eventSchema>;

/** The form of stored events. */
export const eventsSchema = z.array(eventSchema);

/** Where events are sent. */
export interface WebhookEndpoint {
  url: string;
  /** The key of the deliveries' signatures. */
  secret: string;
}

/** Sends events as Stripe does: signed, at least once, several at a time and therefore in no certain order. */
export interface Deliveries {
  add(event: StripeEvent): void;
  /** Sends the events that wait and all that are added from now on. */
  start(endpoint: WebhookEndpoint): void;
  /** Settles when each event so far has been tried once, or after the 10 s that Stripe waits at a checkout. */
  tried(): Promise<void>;
  /** The events that the endpoint has not accepted yet. */
  pending(): StripeEvent[];
  stop(): Promise<void>;
}

const atOnce = 4;

/** An endpoint that refuses an event gets it again for about an hour. Stripe tries for three days. */
const attempts = 60;

/** Seconds before the next attempt. */
const pause = (attempt: number) => Math.min(2 ** (attempt - 1), 60);

/** Makes the event of a change to an object. */
export function newEvent(type: string, object: StripeObject, apiVersion: string): StripeEvent {
  return {
    id: newId("evt"),
    object: "event",
    api_version: apiVersion,
    created: secondsNow(),
    livemode: false,
    pending_webhooks: 1,
    type,
    data: { object },
  };
}

/** @param log takes one line for each attempt */
export function createDeliveries(log: (line: string) => void): Deliveries {
  const pending = new Map<string, { event: StripeEvent; attempt: number; tried: () => void }>();
  const first = new Map<string, Promise<void>>();
  const waiting: string[] = [];
  const timers = new Set<NodeJS.Timeout>();
  const running = new Set<Promise<void>>();
  const stopping = new AbortController();
  let endpoint: WebhookEndpoint | null = null;

  const pump = () => {
    while (endpoint && !stopping.signal.aborted && running.size < atOnce) {
      const id = waiting.shift();
      if (id === undefined) return;
      const sending = send(id, endpoint).finally(() => {
        running.delete(sending);
        pump();
      });
      running.add(sending);
    }
  };

  const send = async (id: string, to: WebhookEndpoint) => {
    const one = pending.get(id);
    if (!one) return;
    one.attempt += 1;
    const answer = await post(one.event, to, stopping.signal);
    if (stopping.signal.aborted) return;
    one.tried();
    first.delete(id);
    log(`${one.event.type} ${id}: ${answer}`);
    if (/^2\d\d$/.test(answer) || one.attempt === attempts) {
      pending.delete(id);
      return;
    }
    const timer = setTimeout(() => {
      timers.delete(timer);
      waiting.push(id);
      pump();
    }, pause(one.attempt) * 1000);
    timers.add(timer);
  };

  return {
    add(event) {
      const { promise, resolve } = withResolver();
      pending.set(event.id, { event, attempt: 0, tried: resolve });
      first.set(event.id, promise);
      waiting.push(event.id);
      pump();
    },
    start(to) {
      endpoint = to;
      pump();
    },
    async tried() {
      const late = new AbortController();
      const all = Promise.all(first.values());
      await Promise.race([all, sleep(10_000, null, { signal: late.signal }).catch(() => null)]);
      late.abort();
    },
    pending: () => [...pending.values()].map(({ event }) => event),
    async stop() {
      stopping.abort();
      for (const timer of timers) clearTimeout(timer);
      await Promise.all(running);
    },
  };
}

/** Returns the status of the answer, or the reason why there was none. */
async function post(
  event: StripeEvent,
  { url, secret }: WebhookEndpoint,
  stopping: AbortSignal,
): Promise<string> {
  const body = JSON.stringify(event);
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json; charset=utf-8",
        "user-agent": "Stripe/1.0 (stand-in)",
        "stripe-signature": signature(body, secret),
      },
      body,
      signal: AbortSignal.any([stopping, AbortSignal.timeout(30_000)]),
    });
    await response.body?.cancel();
    return String(response.status);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** https://docs.stripe.com/webhooks/signature */
function signature(body: string, secret: string): string {
  const time = secondsNow();
  const hmac = createHmac("sha256", secret).update(`${time}.${body}`).digest("hex");
  return `t=${time},v1=${hmac}`;
}

function withResolver(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
