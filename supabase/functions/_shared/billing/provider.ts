import type { Effect, ProviderName, Purchase, Snapshot } from "./snapshot.ts";

/** An event of a provider: a hint to read something. Nothing else of it is believed. */
export interface ProviderEvent {
  id: string;
  type: string;
  /** ISO 8601 */
  created: string;
  livemode: boolean;
  /** What is kept of it: identifiers. `parse` of this gives the same event. */
  payload: Record<string, unknown>;
  /** Reads what the event is about. Throws where trying again may help. */
  read(): Promise<Effect>;
}

/** What is to be paid in a checkout. */
export interface Order {
  /** The same attempt gives the same session, however often it is asked for. */
  attempt: string;
  userId: string;
  email: string;
  priceId: string;
  /** A pack is paid once, a plan again and again. */
  isPack: boolean;
  customerId: string | null;
  trialDays: number;
  coupon: { code: string } | null;
  successUrl: string;
  cancelUrl: string;
  locale: string | null;
  /** Keeps a customer that was made for this user; gives the one that the user has. */
  linkCustomer(customerId: string): Promise<string | null>;
}

/** A page of a provider where a user pays or approves. */
export interface OpenSession {
  id: string;
  /** Null where it is over already. */
  url: string | null;
  /** ISO 8601 */
  expiresAt: string;
}

/** What has become of a session: `completed` is null while the money is under way. */
export type SessionState =
  | { isOpen: true }
  | {
      isOpen: false;
      completed: boolean | null;
      snapshots: Snapshot[];
      purchases: Purchase[];
    };

/** What is known of a user at a provider. */
export interface KnownCustomer {
  customerId: string | null;
  /** Ids of subscriptions that are known to be the user's and have not ended. */
  subscriptionIds: readonly string[];
}

/** A session of the past: whose it was and what became of it. */
export interface PastSession {
  id: string;
  userId: string;
  completed: boolean | null;
}

/**
 * A payment provider. Checkout, portal, sync, deletion, webhook, replay and reconcile are each written once, over
 * this. Every function throws where the provider does not answer, or not as documented.
 */
export interface Provider {
  name: ProviderName;
  /** How a person calls it. */
  title: string;
  /** Whether money is real. */
  livemode: boolean;
  /** Whether the provider sent this body. */
  verify(body: string, headers: Headers): Promise<boolean>;
  /** Understands an event that was verified, or kept; null for what is no event. Never throws. */
  parse(json: unknown): ProviderEvent | null;
  /** Reads one subscription. */
  read(subscriptionId: string): Promise<Snapshot>;
  /** Reads everything that a customer has or had. */
  readAll(customer: KnownCustomer): Promise<{ snapshots: Snapshot[]; purchases: Purchase[] }>;
  /** Ids of the subscriptions that something may have happened to since. */
  changedSince(since: Date): AsyncIterable<string>;
  /** Packs that were bought, refunded or disputed since. */
  purchasesSince(since: Date): AsyncIterable<Purchase>;
  /** Sessions that were opened since and are over. */
  sessionsSince(since: Date): AsyncIterable<PastSession>;
  /** Opens a session; null where the customer is gone at the provider. */
  open(order: Order): Promise<OpenSession | null>;
  session(id: string): Promise<SessionState>;
  /** Closes a session, so that nobody can pay it any more, and tells what had become of it. */
  close(id: string): Promise<SessionState & { isOpen: false }>;
  activate(subscriptionId: string): Promise<void>;
  /** Ends a subscription now. Ending one that has ended already is no error. */
  cancel(subscriptionId: string): Promise<void>;
  /** Tells where receipts go from now on. */
  setEmail(customerId: string, email: string): Promise<void>;
  /** Where the customer changes and cancels; null where that needs a customer that there is not. */
  portal(customer: { customerId: string | null; returnUrl: string }): Promise<string | null>;
  /** Whether an error is the provider's answer, and not the lack of one. */
  isRefusal(error: unknown): boolean;
}

/** The providers that are set up. */
export type Providers = Readonly<Partial<Record<ProviderName, Provider>>>;
