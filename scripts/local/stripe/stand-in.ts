import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { z } from "zod";
import { type Page, pageHeaders, type Redirect } from "../html.ts";
import { keepAliveTimeout } from "../port.ts";
import { catalogRoutes } from "./catalog.ts";
import { checkoutRoutes } from "./checkout.ts";
import { couponRoutes } from "./coupons.ts";
import { customerRoutes } from "./customers.ts";
import { invalidRequest, isStripeError, type StripeError } from "./errors.ts";
import { parseForm } from "./form.ts";
import { invoiceRoutes } from "./invoices.ts";
import type { PageContext } from "./pages/context.ts";
import { answerPage } from "./pages/pages.ts";
import { paymentMethodRoutes } from "./payment-methods.ts";
import { paymentPageRoutes } from "./payment-pages.ts";
import { openDispute, paymentRoutes } from "./payments.ts";
import { newId, type Route, Store, type StripeObject } from "./route.ts";
import { advance } from "./subscription-life.ts";
import { subscriptionRoutes } from "./subscriptions.ts";

/** A request that reached the fake. */
export interface StripeRequest {
  method: string;
  path: string;
  idempotencyKey: string | null;
  status: number;
}

/**
 * What the fake does with a request before anything else: nothing, fail with a status before or after doing the
 * work (`lost` does it and breaks the connection), or wait.
 */
export type Trouble = { fails: number } | { lost: true } | { waits: Promise<unknown> };

/** A Stripe of one's own: it keeps state, and refuses what Stripe refuses. */
export interface StripeFake {
  /** What STRIPE_API_BASE is to be, and where its pages are. */
  url: string;
  port: number;
  requests: StripeRequest[];
  /** The objects of a kind, such as `coupon`. */
  objects(kind: string): StripeObject[];
  /** Makes an object as if somebody had made it in Stripe's dashboard. */
  put(kind: string, object: StripeObject): void;
  /** All objects of all kinds, to start with the next time. */
  dump(): Record<string, StripeObject[]>;
  /** Closes every open checkout: the links to them have become wrong. */
  expireCheckouts(): void;
  /** Calls back with every event that Stripe would send, until what it gives is called. */
  onEvent(listener: (type: string, object: StripeObject) => void): () => void;
  /** Sets the time here, which stands still from then on. */
  setTime(time: Date): void;
  /** Lets time pass: periods are renewed, payments tried again, scheduled ends come. */
  advance(to: Date): void;
  /** Does what has become due by the clock of this machine, and goes on by it. */
  catchUp(): void;
  /** What becomes of a subscription when the last retry of a payment has failed. */
  afterRetries(outcome: "canceled" | "unpaid" | "past_due"): void;
  /** The bank of a customer contests a charge; `POST /v1/disputes/ID/close` loses it. */
  dispute(chargeId: string): StripeObject;
  /** What is to happen to every request from now on; null for nothing. */
  trouble(trouble: Trouble | null): void;
  close(): Promise<void>;
}

/** How to start it; all of it may be left out. */
export interface StripeFakeOptions {
  /** Taken where it is free, and another one where not. */
  port?: number;
  /** What an earlier one has kept. */
  objects?: Record<string, StripeObject[]>;
  /** Awaited before a request that may have changed something is answered. */
  onChange?(): Promise<void>;
  /** Settles when the events so far were delivered once, which pages wait for before they send a person on. */
  delivered?(): Promise<void>;
}

interface Answer {
  status: number;
  body: object;
  headers?: Record<string, string>;
}

const routes: readonly Route[] = [
  ...catalogRoutes,
  ...couponRoutes,
  ...checkoutRoutes,
  ...customerRoutes,
  ...subscriptionRoutes,
  ...paymentMethodRoutes,
  ...paymentRoutes,
  ...invoiceRoutes,
  ...paymentPageRoutes,
];

/** Starts the fake on a port of this machine. */
export async function startStripeFake(options: StripeFakeOptions = {}): Promise<StripeFake> {
  const { onChange = async () => {}, delivered = async () => {} } = options;
  const store = new Store();
  store.load(options.objects ?? {});
  const requests: StripeRequest[] = [];
  const kept = new Map<string, { fingerprint: string; answer: Answer }>();
  let trouble: Trouble | null = null;

  const server = createServer({ keepAliveTimeout }, (request, response) => {
    void handle(request, response).catch((error: unknown) => {
      send(response, {
        status: 500,
        body: { error: { type: "api_error", message: String(error) } },
      });
    });
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, search } = new URL(request.url ?? "/", "http://stripe.test");
    const method = request.method ?? "";
    const body = await text(request);
    const key = header(request, "idempotency-key");
    const form = method === "GET" ? search.slice(1) : body;
    const page = answerPage(pathname, method === "POST" ? body : null, pageContext);
    if (page) {
      sendPage(response, await page);
      return;
    }
    const current = trouble;
    if (current && "waits" in current) await current.waits;
    const answer =
      current && "fails" in current
        ? failing(current.fails)
        : (unauthorized(request) ?? once(method, pathname, form, key));
    requests.push({ method, path: pathname, idempotencyKey: key, status: answer.status });
    if (method !== "GET") await onChange();
    if (current && "lost" in current) request.socket.destroy();
    else send(response, answer);
  }

  const pageContext: PageContext = {
    objects: (kind) => [...store.all(kind).values()],
    call: (method, path, form) => run(method, path, new URLSearchParams(form).toString()).answer,
    delivered: async () => {
      await onChange();
      await delivered();
    },
  };

  /** https://docs.stripe.com/api/idempotent_requests */
  function once(method: string, path: string, form: string, key: string | null): Answer {
    if (method !== "POST" || key === null) return run(method, path, form).answer;
    const fingerprint = `${method} ${path} ${form}`;
    const earlier = kept.get(key);
    if (!earlier) {
      const { answer, executed } = run(method, path, form);
      // A request that is refused for its form has not been executed, and may be sent again, corrected.
      if (executed) kept.set(key, { fingerprint, answer });
      return answer;
    }
    if (earlier.fingerprint !== fingerprint) {
      const message = `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`;
      return { status: 400, body: { error: { type: "idempotency_error", message } } };
    }
    return { ...earlier.answer, headers: { "idempotent-replayed": "true" } };
  }

  function run(method: string, path: string, form: string): { answer: Answer; executed: boolean } {
    const found = find(method, path);
    if (!found) {
      const message = `Unrecognized request URL (${method}: ${path}).`;
      const body = { error: { type: "invalid_request_error", message } };
      return { answer: { status: 404, body }, executed: false };
    }
    const parsed = found.route.params.safeParse(parseForm(form));
    if (!parsed.success) {
      return { answer: toAnswer(refusal(parsed.error)), executed: false };
    }
    const result = found.route.run(parsed.data as never, found.id, store);
    return { answer: toAnswer(structuredClone(result)), executed: true };
  }

  const port = await listen(server, options.port ?? 0);
  store.url = `http://127.0.0.1:${port}`;
  return {
    url: store.url,
    port,
    requests,
    objects: pageContext.objects,
    dump: () => store.dump(),
    put: (kind, object) => void store.all(kind).set(object.id, object),
    expireCheckouts: () => {
      for (const { id, status } of store.all("checkout.session").values()) {
        if (status === "open") run("POST", `/v1/checkout/sessions/${id}/expire`, "");
      }
    },
    onEvent: (listener) => {
      store.listeners.add(listener);
      return () => void store.listeners.delete(listener);
    },
    setTime: (time) => {
      store.now = () => time.getTime();
    },
    advance: (to) => advance(store, Math.floor(to.getTime() / 1000)),
    catchUp: () => {
      advance(store, Math.floor(Date.now() / 1000));
      store.now = Date.now;
    },
    afterRetries: (outcome) => {
      store.afterRetries = outcome;
    },
    dispute: (chargeId) => {
      const charge = store.all("charge").get(chargeId);
      if (!charge) throw new Error(`no charge ${chargeId}`);
      return openDispute(store, charge);
    },
    trouble: (next) => {
      trouble = next;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Listens on the port, or on a free one where somebody else has it. */
async function listen(server: Server, wanted: number): Promise<number> {
  for (const port of [wanted, 0]) {
    const isOpen = await new Promise<boolean>((resolve, reject) => {
      const refuse = (error: NodeJS.ErrnoException) =>
        error.code === "EADDRINUSE" && port !== 0 ? resolve(false) : reject(error);
      server.once("error", refuse);
      server.listen(port, "127.0.0.1", () => {
        server.off("error", refuse);
        resolve(true);
      });
    });
    if (isOpen) break;
  }
  return (server.address() as AddressInfo).port;
}

function find(method: string, path: string): { route: Route; id: string } | null {
  for (const route of routes) {
    const pattern = new RegExp(`^${route.path.replace(":id", "([^/]+)")}$`);
    const match = route.method === method ? pattern.exec(path) : null;
    if (match) return { route, id: decodeURIComponent(match[1] ?? "") };
  }
  return null;
}

/** The first thing wrong with the parameters, in Stripe's words. */
function refusal(error: z.ZodError): StripeError {
  const [issue] = error.issues;
  const path = [
    ...(issue?.path ?? []),
    ...(issue?.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : []),
  ];
  const [first, ...rest] = path.map(String);
  const param = `${first ?? ""}${rest.map((step) => `[${step}]`).join("")}`;
  if (issue?.code === "unrecognized_keys") {
    return invalidRequest("parameter_unknown", `Received unknown parameter: ${param}`, param);
  }
  if (issue?.code === "invalid_type" && issue.input === undefined) {
    return invalidRequest("parameter_missing", `Missing required param: ${param}.`, param);
  }
  return invalidRequest("parameter_invalid", `Invalid ${param}: ${issue?.message ?? ""}`, param);
}

function unauthorized(request: IncomingMessage): Answer | null {
  if (/^Bearer sk_test_\w+$/.test(header(request, "authorization") ?? "")) return null;
  const message = "You did not provide an API key.";
  return { status: 401, body: { error: { type: "invalid_request_error", message } } };
}

function failing(status: number): Answer {
  return { status, body: { error: { type: "api_error", message: "Something went wrong." } } };
}

function toAnswer(result: StripeError | object): Answer {
  return isStripeError(result)
    ? { status: result.status, body: { error: result.error } }
    : { status: 200, body: result };
}

function send(response: ServerResponse, { status, body, headers }: Answer): void {
  response.writeHead(status, {
    "content-type": "application/json",
    "request-id": newId("req"),
    ...headers,
  });
  response.end(JSON.stringify(body));
}

function sendPage(response: ServerResponse, answer: Page | Redirect): void {
  if ("location" in answer) {
    response.writeHead(303, { location: answer.location }).end();
    return;
  }
  response.writeHead(answer.status, pageHeaders);
  response.end(answer.body);
}

function header(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return typeof value === "string" ? value : null;
}
