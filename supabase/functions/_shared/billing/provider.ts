import type { Effect, ProviderName, Purchase, Snapshot } from "./snapshot.ts";

/** An event of a provider. It only says what to read; its other contents are not trusted. */
export interface ProviderEvent {
  id: string;
  type: string;
  /** ISO 8601 */
  created: string;
  livemode: boolean;
  /** The part of the event that is stored, which is its identifiers. `parse` of this gives the same event. */
  payload: Record<string, unknown>;
  /** Reads the object that the event is about. Throws where a retry may help. */
  read(): Promise<Effect>;
}

/** What a checkout sells, to whom. */
export interface Order {
  /** An id; repeating `open` with the same attempt gives the same session. */
  attempt: string;
  userId: string;
  email: string;
  priceId: string;
  /** Whether it is a pack, which is paid once, or a plan, which is paid each period. */
  isPack: boolean;
  customerId: string | null;
  trialDays: number;
  coupon: { code: string } | null;
  successUrl: string;
  cancelUrl: string;
  locale: string | null;
  /** Stores a customer that was made for this user. Returns the customer that the user has. */
  linkCustomer(customerId: string): Promise<string | null>;
}

/** A page of a provider where a user pays or approves. */
export interface OpenSession {
  id: string;
  /** Null where the session is already over. */
  url: string | null;
  /** ISO 8601 */
  expiresAt: string;
}

/** The state of a session. `completed` is null while the payment is pending. */
export type SessionState =
  | { isOpen: true }
  | {
      isOpen: false;
      completed: boolean | null;
      snapshots: Snapshot[];
      purchases: Purchase[];
    };

/** The stored ids of a user at a provider. */
export interface KnownCustomer {
  customerId: string | null;
  /** Ids of the user's subscriptions that have not ended. */
  subscriptionIds: readonly string[];
}

/** A session that is over, with the user who opened it. */
export interface PastSession {
  id: string;
  userId: string;
  completed: boolean | null;
}

/**
 * A payment provider. Checkout, portal, sync, deletion, webhook, replay and reconcile are each written once, on top of
 * this interface. Its functions throw where the provider does not answer or answers unexpectedly.
 */
export interface Provider {
  name: ProviderName;
  /** The name for people. */
  title: string;
  /** Whether payments are real. */
  livemode: boolean;
  /** Whether the provider sent this body. */
  verify(body: string, headers: Headers): Promise<boolean>;
  /** Parses an event that was verified or stored. Returns null for anything else, and never throws. */
  parse(json: unknown): ProviderEvent | null;
  /** Reads one subscription. */
  read(subscriptionId: string): Promise<Snapshot>;
  /** Reads everything that a customer has or had. */
  readAll(customer: KnownCustomer): Promise<{ snapshots: Snapshot[]; purchases: Purchase[] }>;
  /** Ids of the subscriptions that may have changed since a time. */
  changedSince(since: Date): AsyncIterable<string>;
  /** Packs that were bought, refunded or disputed since a time. */
  purchasesSince(since: Date): AsyncIterable<Purchase>;
  /** Sessions that were opened since a time and are over. */
  sessionsSince(since: Date): AsyncIterable<PastSession>;
  /** Opens a session. Returns null where the provider has deleted the customer. */
  open(order: Order): Promise<OpenSession | null>;
  session(id: string): Promise<SessionState>;
  /** Closes a session, so that it can no longer be paid, and returns its final state. */
  close(id: string): Promise<SessionState & { isOpen: false }>;
  activate(subscriptionId: string): Promise<void>;
  /** Ends a subscription now. Ending a subscription that has already ended is not an error. */
  cancel(subscriptionId: string): Promise<void>;
  /** Changes the address to which receipts are sent. */
  setEmail(customerId: string, email: string): Promise<void>;
  /** The URL where the customer changes and cancels; null where that needs a customer and there is none. */
  portal(customer: { customerId: string | null; returnUrl: string }): Promise<string | null>;
  /** Whether an error is an answer of the provider, as opposed to a missing answer. */
  isRefusal(error: unknown): boolean;
}

/** The providers whose keys are set. */
export type Providers = Readonly<Partial<Record<ProviderName, Provider>>>;
