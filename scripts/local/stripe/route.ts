import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { StripeError } from "./errors.ts";

/** An object as Stripe keeps it. */
export type StripeObject = Record<string, unknown> & { id: string };

/** What the fake keeps: the objects of each kind by their id. */
export class Store {
  readonly #kinds = new Map<string, Map<string, StripeObject>>();

  /** Where the pages are, once there is a port. */
  url = "";

  /** The time here in milliseconds since 1970: that of the machine until a test sets one. */
  now: () => number = Date.now;

  /** What becomes of a subscription when the last retry of a payment has failed: a setting of the dashboard. */
  afterRetries: "canceled" | "unpaid" | "past_due" = "canceled";

  /** Told of every event that Stripe would send. */
  readonly listeners = new Set<(type: string, object: StripeObject) => void>();

  /** Says that something has happened to an object. */
  emit(type: string, object: StripeObject): void {
    for (const listener of this.listeners) listener(type, structuredClone(object));
  }

  all(kind: string): Map<string, StripeObject> {
    const objects = this.#kinds.get(kind) ?? new Map<string, StripeObject>();
    this.#kinds.set(kind, objects);
    return objects;
  }

  /** Everything that is kept, as lists. */
  dump(): Record<string, StripeObject[]> {
    return Object.fromEntries(
      [...this.#kinds].map(([kind, objects]) => [kind, [...objects.values()]]),
    );
  }

  /** Takes back what was dumped. */
  load(dump: Record<string, StripeObject[]>): void {
    for (const [kind, objects] of Object.entries(dump)) {
      for (const object of objects) this.all(kind).set(object.id, object);
    }
  }
}

/** One route: what it takes and what it does. */
export interface Route {
  method: "GET" | "POST" | "DELETE";
  /** Such as `/v1/coupons/:id`. */
  path: string;
  /** What it knows of; anything else is refused, as Stripe does. */
  params: z.ZodType;
  run(params: never, id: string, store: Store): StripeObject | StripeError | { deleted: true };
}

/** Makes a route whose `run` gets what `params` parsed. */
export function route<Params extends z.ZodType>(
  method: Route["method"],
  path: string,
  params: Params,
  run: (params: z.output<Params>, id: string, store: Store) => ReturnType<Route["run"]>,
): Route {
  return { method, path, params, run };
}

/** Parameters: a form's values are texts. `expand` may always be given. */
export function params<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject({ ...shape, expand: z.array(z.string()).optional() });
}

/** At most 50 keys of 40 characters with values of 500. */
export const metadata = z
  .record(z.string().max(40), z.string().max(500))
  .refine((map) => Object.keys(map).length <= 50)
  .default({});

export const wholeNumber = z
  .string()
  .regex(/^-?\d+$/)
  .transform(Number);

export const flag = z.enum(["true", "false"]).transform((text) => text === "true");

/** A new id with Stripe's prefix for its kind. */
export function newId(prefix: string): string {
  return `${prefix}_${randomBytes(12).toString("hex")}`;
}

/** The time as Stripe tells it, in whole seconds. */
export function nowInSeconds(store: Store): number {
  return Math.floor(store.now() / 1000);
}

/** Keeps a new object, which gets an id where none is given. */
export function keep(
  store: Store,
  prefix: string,
  kind: string,
  fields: Record<string, unknown>,
  metadataGiven: Record<string, string> = {},
): StripeObject {
  const id = typeof fields.id === "string" ? fields.id : newId(prefix);
  const common = { id, object: kind, created: nowInSeconds(store), livemode: false };
  const object = { metadata: metadataGiven, ...common, ...fields };
  store.all(kind).set(id, object);
  return object;
}

/** What every list takes. */
export const paging = {
  limit: wholeNumber.refine((value) => value >= 1 && value <= 100).optional(),
  starting_after: z.string().optional(),
};

/** A time, or bounds of one. */
export const created = z
  .strictObject({ gt: wholeNumber, gte: wholeNumber, lt: wholeNumber, lte: wholeNumber })
  .partial()
  .optional();

/** A page of a list, the newest first: https://docs.stripe.com/api/pagination */
export function pageOf(
  url: string,
  all: readonly StripeObject[],
  given: {
    limit?: number | undefined;
    starting_after?: string | undefined;
    created?: z.output<typeof created>;
  },
): StripeObject | StripeError {
  const { gt = -1, gte = 0, lt = Infinity, lte = Infinity } = given.created ?? {};
  const matching = all
    .filter(({ created: at }) => {
      const time = Number(at ?? 0);
      return time > gt && time >= gte && time < lt && time <= lte;
    })
    .reverse();
  const after = matching.findIndex(({ id }) => id === given.starting_after);
  const rest = matching.slice(after + 1);
  const data = rest.slice(0, given.limit ?? 10);
  return { id: "list", object: "list", url, has_more: rest.length > data.length, data };
}
