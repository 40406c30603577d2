import type { Socket } from "node:net";
import type { z } from "zod";
import { openPortOrFree } from "../port.ts";
import { catalogRoutes } from "./catalog.ts";
import { checkoutRoutes } from "./checkout.ts";
import { couponRoutes } from "./coupons.ts";
import { customerRoutes } from "./customers.ts";
import { invalidRequest, isStripeError, type StripeError } from "./errors.ts";
import { parseForm } from "./form.ts";
import { invoiceRoutes } from "./invoices.ts";
import type { ApiAnswer, PageContext } from "./pages/context.ts";
import { answerPage } from "./pages/pages.ts";
import { paymentMethodRoutes } from "./payment-methods.ts";
import { paymentPageRoutes } from "./payment-pages.ts";
import { openDispute, paymentRoutes } from "./payments.ts";
import type { Route } from "./route.ts";
import { type EventListener, newId, Store, type StripeObject, secondsNow } from "./store.ts";
import { advance } from "./subscription-life.ts";
import { subscriptionRoutes } from "./subscriptions.ts";

/** A request that the stand-in has answered. */
export interface StripeRequest {
  method: string;
  path: string;
  idempotencyKey: string | null;
  status: number;
}

/**
 * A fault of the stand-in. `fails` answers with this status and does nothing; `lost` does what is requested and breaks
 * the connection instead of answering; `waits` answers when the promise has settled.
 */
export type Trouble = { fails: number } | { lost: true } | { waits: Promise<unknown> };

/** A running stand-in for Stripe. It keeps state and refuses what Stripe refuses. */
export interface StripeStandIn {
  /** The value for STRIPE_API_BASE. The pages are there too. */
  url: string;
  port: number;
  requests: StripeRequest[];
  /** The objects of a kind, such as `coupon`. */
  objects(kind: string): StripeObject[];
  /** Stores an object, as if somebody had made it in Stripe's dashboard. */
  put(kind: string, object: StripeObject): void;
  /** Every object, for `StripeStandInOptions.objects` of a later start. */
  dump(): Record<string, StripeObject[]>;
  /** Expires every open checkout, because its link leads to a port that is no longer ours. */
  expireCheckouts(): void;
  /** Calls the listener with every event that Stripe would send. Returns what ends that. */
  onEvent(listener: EventListener): () => void;
  /** Sets the clock, which then stands still. */
  setTime(time: Date): void;
  /** Moves the clock: periods are renewed, payments tried again, scheduled ends come. */
  advance(to: Date): void;
  /** Moves the clock to the time of this machine, and lets it run from there. */
  catchUp(): void;
  /** Sets what becomes of a subscription when the last retry of a payment has failed. */
  afterRetries(outcome: Store["afterRetries"]): void;
  /** Opens a dispute on a charge; `POST /v1/disputes/ID/close` loses it. */
  dispute(chargeId: string): StripeObject;
  /** Sets a fault of every request from now on, or none. */
  trouble(trouble: Trouble | null): void;
  close(): Promise<void>;
}

export interface StripeStandInOptions {
  /** Used if it is free; otherwise, and by default, a free one is taken. */
  port?: number;
  /** The objects of an earlier stand-in. */
  objects?: Record<string, StripeObject[]>;
  /** Called after a request that may have changed something; the answer waits for it. */
  onChange?(): Promise<void>;
  /** Settles when every event so far has been delivered once. Pages wait for it before they send a person on. */
  delivered?(): Promise<void>;
}

interface Answer extends ApiAnswer {
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

/** Starts the stand-in on a port of this machine. */
export async function startStripeStandIn(
  options: StripeStandInOptions = {},
): Promise<StripeStandIn> {
  const { onChange = async () => {}, delivered = async () => {} } = options;
  const store = new Store();
  store.load(options.objects ?? {});
  const requests: StripeRequest[] = [];
  const executed = new Map<string, { fingerprint: string; answer: Answer }>();
  let trouble: Trouble | null = null;

  const pageContext: PageContext = {
    list: (kind) => store.list(kind),
    post: (path, form) => run(store, "POST", path, new URLSearchParams(form).toString()).answer,
    delivered: async () => {
      await onChange();
      await delivered();
    },
  };

  async function answer(request: Request, socket: Socket): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const { method, headers } = request;
    const body = await request.text();
    const page = answerPage(pathname, method === "POST" ? body : null, pageContext);
    if (page) return page;

    const current = trouble;
    if (current && "waits" in current) await current.waits;
    const idempotencyKey = headers.get("idempotency-key");
    const form = method === "GET" ? search.slice(1) : body;
    const result =
      current && "fails" in current
        ? failed(current.fails, "Something went wrong.")
        : (unauthorized(headers) ?? runOnce(method, pathname, form, idempotencyKey));
    requests.push({ method, path: pathname, idempotencyKey, status: result.status });
    if (method !== "GET") await onChange();
    if (current && "lost" in current) socket.destroy();
    return toResponse(result);
  }

  /** Answers a repeated request as the first time: https://docs.stripe.com/api/idempotent_requests */
  function runOnce(method: string, path: string, form: string, key: string | null): Answer {
    if (method !== "POST" || key === null) return run(store, method, path, form).answer;
    const fingerprint = `${method} ${path} ${form}`;
    const earlier = executed.get(key);
    if (!earlier) {
      const { answer, isExecuted } = run(store, method, path, form);
      if (isExecuted) executed.set(key, { fingerprint, answer });
      return answer;
    }
    if (earlier.fingerprint !== fingerprint) {
      const message = `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`;
      return { status: 400, body: { error: { type: "idempotency_error", message } } };
    }
    return { ...earlier.answer, headers: { "idempotent-replayed": "true" } };
  }

  const { port, url, serve, close } = await openPortOrFree(
    "stand-in for Stripe",
    options.port ?? 0,
  );
  store.url = url;
  serve((request, socket) =>
    answer(request, socket).catch((error: unknown) => toResponse(failed(500, String(error)))),
  );
  return {
    url,
    port,
    requests,
    objects: pageContext.list,
    put: (kind, object) => store.put(kind, object),
    dump: () => store.dump(),
    expireCheckouts: () => {
      for (const { id, status } of store.list("checkout.session")) {
        if (status === "open") pageContext.post(`/v1/checkout/sessions/${id}/expire`, {});
      }
    },
    onEvent: (listener) => {
      store.listeners.add(listener);
      return () => void store.listeners.delete(listener);
    },
    setTime: (time) => {
      const seconds = Math.floor(time.getTime() / 1000);
      store.now = () => seconds;
    },
    advance: (to) => advance(store, Math.floor(to.getTime() / 1000)),
    catchUp: () => {
      advance(store, secondsNow());
      store.now = secondsNow;
    },
    afterRetries: (outcome) => {
      store.afterRetries = outcome;
    },
    dispute: (chargeId) => {
      const charge = store.find("charge", chargeId);
      if (!charge) throw new Error(`There is no charge ${chargeId}.`);
      return openDispute(store, charge);
    },
    trouble: (next) => {
      trouble = next;
    },
    close,
  };
}

/** Runs a request. One that is refused for its form is not executed: corrected, it may come again with the same key. */
function run(
  store: Store,
  method: string,
  path: string,
  form: string,
): { answer: Answer; isExecuted: boolean } {
  const route = routes.find((one) => one.method === method && one.path.test(path));
  if (!route) {
    const message = `Unrecognized request URL (${method}: ${path}).`;
    const body = { error: { type: "invalid_request_error", message } };
    return { answer: { status: 404, body }, isExecuted: false };
  }
  const parsed = route.params.safeParse(parseForm(form));
  if (!parsed.success) return { answer: toAnswer(refusal(parsed.error)), isExecuted: false };
  const id = decodeURIComponent(route.path.exec(path)?.[1] ?? "");
  const result = route.run(parsed.data as never, store, id);
  return { answer: toAnswer(structuredClone(result)), isExecuted: true };
}

/** The first fault of the parameters, in Stripe's words. */
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

function unauthorized(headers: Headers): Answer | null {
  if (/^Bearer sk_test_\w+$/.test(headers.get("authorization") ?? "")) return null;
  const message = "You did not provide an API key.";
  return { status: 401, body: { error: { type: "invalid_request_error", message } } };
}

function failed(status: number, message: string): Answer {
  return { status, body: { error: { type: "api_error", message } } };
}

function toAnswer(result: StripeError | object): Answer {
  return isStripeError(result)
    ? { status: result.status, body: { error: result.error } }
    : { status: 200, body: result };
}

function toResponse({ status, body, headers }: Answer): Response {
  return Response.json(body, { status, headers: { "request-id": newId("req"), ...headers } });
}
