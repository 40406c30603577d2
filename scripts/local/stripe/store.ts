import { randomBytes } from "node:crypto";

/** An object as Stripe stores it. */
export type StripeObject = Record<string, unknown> & { id: string };

/** Called with every event that Stripe would send. */
export type EventListener = (type: string, object: StripeObject) => void;

type Changes = { metadata?: object } & Record<string, unknown>;

/** How the ids of each kind begin. */
const prefixes: Record<string, string> = {
  "billing_portal.configuration": "bpc",
  "billing_portal.session": "bps",
  charge: "ch",
  "checkout.session": "cs_test",
  coupon: "co",
  customer: "cus",
  dispute: "du",
  invoice: "in",
  invoice_payment: "inpay",
  invoiceitem: "ii",
  payment_intent: "pi",
  payment_method: "pm",
  price: "price",
  product: "prod",
  refund: "re",
  subscription: "sub",
  webhook_endpoint: "we",
};

/** The objects of the stand-in, by kind and id, and its clock. */
export class Store {
  readonly #kinds = new Map<string, Map<string, StripeObject>>();

  /** Where the pages are, once there is a port. */
  url = "";

  /** The time of the stand-in in seconds since 1970: that of the machine, until a test sets another. */
  now: () => number = secondsNow;

  /** What becomes of a subscription when the last retry of a payment has failed: a setting of the dashboard. */
  afterRetries: "canceled" | "unpaid" | "past_due" = "canceled";

  readonly listeners = new Set<EventListener>();

  /** The objects of a kind, the oldest first. */
  list(kind: string): StripeObject[] {
    return [...(this.#kinds.get(kind)?.values() ?? [])];
  }

  find(kind: string, id: unknown): StripeObject | undefined {
    return this.#kinds.get(kind)?.get(String(id));
  }

  put(kind: string, object: StripeObject): void {
    const objects = this.#kinds.get(kind) ?? new Map<string, StripeObject>();
    this.#kinds.set(kind, objects.set(object.id, object));
  }

  delete(kind: string, id: string): boolean {
    return this.#kinds.get(kind)?.delete(id) ?? false;
  }

  /** Stores a new object, with a new id unless its fields hold one. */
  keep(kind: string, fields: Record<string, unknown>): StripeObject {
    const id = typeof fields.id === "string" ? fields.id : newId(prefixes[kind] ?? kind);
    const common = { object: kind, metadata: {}, created: this.now(), livemode: false };
    const object = { ...common, ...fields, id };
    this.put(kind, object);
    return object;
  }

  /** Stores a new object and reports the event `<kind>.created`. */
  create(kind: string, fields: Record<string, unknown>): StripeObject {
    const object = this.keep(kind, fields);
    this.emit(`${kind}.created`, object);
    return object;
  }

  /** Changes an object and reports an event. */
  change(object: StripeObject, type: string, changes: Changes): StripeObject {
    applyChanges(object, changes);
    this.emit(type, object);
    return object;
  }

  /** Reports that something has happened to an object. */
  emit(type: string, object: StripeObject): void {
    for (const listener of this.listeners) listener(type, structuredClone(object));
  }

  /** Every object, in lists by kind. */
  dump(): Record<string, StripeObject[]> {
    return Object.fromEntries([...this.#kinds.keys()].map((kind) => [kind, this.list(kind)]));
  }

  /** Stores the objects of a dump. */
  load(dump: Record<string, StripeObject[]>): void {
    for (const [kind, objects] of Object.entries(dump)) {
      for (const object of objects) this.put(kind, object);
    }
  }
}

/** Changes an object. New metadata is added to what is there, as Stripe does it. */
export function applyChanges(object: StripeObject, { metadata, ...fields }: Changes): void {
  const merged = { ...(object.metadata as object | undefined), ...metadata };
  Object.assign(object, fields, metadata && { metadata: merged });
}

/** A new id with the prefix of its kind. */
export function newId(prefix: string): string {
  return `${prefix}_${randomBytes(12).toString("hex")}`;
}

/** The time of this machine in seconds since 1970, the unit of Stripe's API. */
export function secondsNow(): number {
  return Math.floor(Date.now() / 1000);
}
