import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { missing, type StripeError } from "./errors.ts";
import type { Store, StripeObject } from "./store.ts";

type Answer = StripeObject | StripeError;

/** One route of the API: the parameters that it accepts, and what it does. */
export interface Route {
  method: string;
  /** Matches the path; its group is the id. */
  path: RegExp;
  /** Refuses any other parameter, as Stripe does. */
  params: z.ZodType;
  run(params: never, store: Store, id: string): Answer;
}

type Method = "GET" | "POST" | "DELETE";
type Given<Shape extends z.ZodRawShape> = z.output<z.ZodObject<Shape, z.core.$strict>>;

/**
 * Makes a route.
 *
 * @param address such as `POST /v1/coupons/:id`
 * @param shape the parameters; a form's values are texts. Every route accepts `expand` as well.
 */
export function route<Shape extends z.ZodRawShape>(
  address: `${Method} /v1/${string}`,
  shape: Shape,
  run: (given: Given<Shape>, store: Store, id: string, expand: readonly string[]) => Answer,
): Route {
  const [method = "", path = ""] = address.split(" ");
  return {
    method,
    path: new RegExp(`^${path.replace(":id", "([^/]+)")}$`),
    params: z.strictObject({ ...shape, expand: z.array(z.string()).default([]) }),
    run: ({ expand, ...given }: Given<Shape> & { expand: string[] }, store, id) =>
      run(given as unknown as Given<Shape>, store, id, expand),
  };
}

/** Makes a route of one object, which answers 404 where there is no object of the id. */
export function objectRoute<Shape extends z.ZodRawShape>(
  address: `${Method} /v1/${string}`,
  kind: string,
  shape: Shape,
  run: (
    given: Given<Shape>,
    store: Store,
    object: StripeObject,
    expand: readonly string[],
  ) => Answer,
): Route {
  return route(address, shape, (given, store, id, expand) => {
    const object = store.find(kind, id);
    return object ? run(given, store, object, expand) : missing(kind, id);
  });
}

/** An object as a route answers it, with what `expand` names in the place of ids. */
type Show = (store: Store, object: StripeObject, expand: readonly string[]) => StripeObject;

/** Makes the route that retrieves one object. */
export function retrieveRoute(
  path: `/v1/${string}`,
  kind: string,
  show: Show = (_, object) => object,
): Route {
  return objectRoute(`GET ${path}/:id`, kind, {}, (_, store, object, expand) =>
    show(store, object, expand),
  );
}

/**
 * Makes the routes that list the objects of a kind and retrieve one.
 *
 * @param filters what the list accepts beside the page; an object is listed when its field equals the parameter
 * @param matches decides instead for a filter that does not compare the field of its name
 */
export function readRoutes(
  path: `/v1/${string}`,
  kind: string,
  filters: z.ZodRawShape,
  options: {
    matches?: Record<string, (object: StripeObject, wanted: unknown) => boolean>;
    show?: Show;
  } = {},
): Route[] {
  const { matches = {}, show = (_, object) => object } = options;
  const list = route(`GET ${path}`, { ...paging, ...filters }, (given, store, _, expand) => {
    const wanted = Object.entries(given).filter(
      ([name, value]) => value !== undefined && name in filters && name !== "created",
    );
    const found = store
      .list(kind)
      .filter((object) =>
        wanted.every(
          ([name, value]) =>
            matches[name]?.(object, value) ?? isDeepStrictEqual(object[name], value),
        ),
      );
    const inList = expand.flatMap((name) => (name.startsWith("data.") ? [name.slice(5)] : []));
    return pageOf(
      path,
      found.map((object) => show(store, object, inList)),
      given,
    );
  });
  return [list, retrieveRoute(path, kind, show)];
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

/** A parameter that may be left out, which is null then. */
export function orNull<Schema extends z.ZodType>(schema: Schema) {
  return schema.optional().transform((value) => value ?? null);
}

/** The parameters of every list. */
export const paging = {
  limit: wholeNumber.refine((value) => value >= 1 && value <= 100).optional(),
  starting_after: z.string().optional(),
};

/** Bounds of the time at which an object was created. */
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
): StripeObject {
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
  return { id: "list", url, ...listOf(data), has_more: rest.length > data.length };
}

/** A list inside an object, whole. */
export function listOf(data: readonly object[]) {
  return { object: "list", data, has_more: false };
}
