import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { z } from "zod";
import { keepAliveTimeout } from "../../../scripts/local/port.ts";
import { listen } from "./server.ts";

type Status = "APPROVAL_PENDING" | "APPROVED" | "ACTIVE" | "SUSPENDED" | "CANCELLED" | "EXPIRED";

interface Money {
  currency_code: string;
  value: string;
}

/** A subscription as PayPal keeps it: https://developer.paypal.com/docs/api/subscriptions/v1/#subscriptions_get */
export interface PaypalSubscriptionObject {
  id: string;
  status: Status;
  status_update_time: string;
  plan_id: string;
  plan_overridden: boolean;
  custom_id: string | undefined;
  start_time: string;
  create_time: string;
  quantity: string;
  billing_info?: {
    outstanding_balance: Money;
    failed_payments_count: number;
    last_payment?: { amount: Money; time: string };
    next_billing_time?: string;
  };
}

/** A payment of a subscription: https://developer.paypal.com/docs/api/payments/v1/#sale_get */
export interface PaypalSale {
  id: string;
  state: "completed" | "partially_refunded" | "refunded" | "pending" | "denied" | "reversed";
  amount: { total: string; currency: string };
  create_time: string;
  update_time: string;
  billing_agreement_id: string;
}

/** A plan: the price and length of a billing cycle, after a trial if there is one. */
export interface PaypalPlanTerms {
  id: string;
  price: string;
  unit: "DAY" | "WEEK" | "MONTH" | "YEAR";
  count?: number;
  currency?: string;
  /** A free trial. */
  trial?: { unit: "DAY" | "WEEK" | "MONTH"; count: number };
}

/** A stand-in for PayPal: it keeps the state that PayPal documents, and refuses what PayPal refuses. */
export interface PaypalFake {
  /** The value of PAYPAL_API_BASE. */
  url: string;
  webhookId: string;
  subscriptions: Map<string, PaypalSubscriptionObject>;
  sales: Map<string, PaypalSale>;
  /** The requests so far, each as `METHOD /path`. */
  requests: string[];
  /** Answers every request with this status from now on; null ends that. */
  trouble(status: number | null): void;
  /** Sets the time at PayPal. */
  setTime(time: Date): void;
  addPlan(terms: PaypalPlanTerms): void;
  /** Creates a subscription as any web page can, because the app's client id is public. */
  create(request: object): PaypalSubscriptionObject;
  /** Approves as the buyer does. A subscription created with SUBSCRIBE_NOW is then active and paid at once. */
  approve(id: string): void;
  /** Takes the next payment; gives the sale. */
  charge(id: string): PaypalSale;
  /** Fails the next payment; PayPal suspends a subscription after some of these. */
  fail(id: string, suspends?: boolean): void;
  expire(id: string): void;
  /** Refunds a sale, in full if no value is given; gives the refund as its event carries it. */
  refund(saleId: string, value?: string): PaypalRefund;
  /** Opens a dispute about a sale; gives it as its event carries it. */
  dispute(saleId: string, changes?: object): Record<string, unknown> & { dispute_id: string };
  /** A delivery of an event, with PayPal's headers. */
  deliver(url: string, type: string, resource: object, id?: string): Request;
  close(): Promise<void>;
}

/** https://developer.paypal.com/docs/api/payments/v1/#refund_get */
export interface PaypalRefund {
  id: string;
  state: "completed";
  sale_id: string;
  amount: { total: string; currency: string };
  create_time: string;
}

const createSchema = z.object({
  plan_id: z.string(),
  custom_id: z.string().max(127).optional(),
  start_time: z.iso.datetime({ offset: true }).optional(),
  quantity: z.string().default("1"),
  plan: z.object({ billing_cycles: z.array(z.unknown()).min(1) }).optional(),
  application_context: z.object({
    user_action: z.enum(["CONTINUE", "SUBSCRIBE_NOW"]).default("SUBSCRIBE_NOW"),
    return_url: z.url(),
    cancel_url: z.url(),
    shipping_preference: z.string().optional(),
  }),
});

class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly issue: string,
  ) {
    super(issue);
  }
}

/** Starts the fake on a free port of this machine. */
export async function startPaypalFake(): Promise<PaypalFake> {
  const webhookId = `WH-${randomUUID()}`;
  const token = randomUUID();
  const plans = new Map<string, PaypalPlanTerms>();
  const subscriptions = new Map<string, PaypalSubscriptionObject>();
  const actions = new Map<string, "CONTINUE" | "SUBSCRIBE_NOW">();
  const requested = new Map<string, PaypalSubscriptionObject>();
  const sales = new Map<string, PaypalSale>();
  const refunds = new Map<string, PaypalRefund>();
  const disputes = new Map<string, Record<string, unknown> & { dispute_id: string }>();
  const sent = new Map<string, string>();
  const requests: string[] = [];
  let time: Date | null = null;
  let trouble: number | null = null;

  const now = () => (time ?? new Date()).toISOString();
  const newId = (prefix: string) => `${prefix}-${randomUUID().slice(0, 18).toUpperCase()}`;
  const salesOf = (id: string) =>
    [...sales.values()].filter(({ billing_agreement_id }) => billing_agreement_id === id);

  function find(id: string): PaypalSubscriptionObject {
    const found = subscriptions.get(id);
    if (!found) throw new Refusal(404, "RESOURCE_NOT_FOUND");
    return found;
  }

  function planOf({ plan_id }: { plan_id: string }): PaypalPlanTerms {
    const plan = plans.get(plan_id);
    if (!plan) throw new Refusal(404, "RESOURCE_NOT_FOUND");
    return plan;
  }

  function create(request: object): PaypalSubscriptionObject {
    const given = createSchema.parse(request);
    planOf(given);
    const subscription: PaypalSubscriptionObject = {
      id: newId("I"),
      status: "APPROVAL_PENDING",
      status_update_time: now(),
      plan_id: given.plan_id,
      plan_overridden: given.plan !== undefined,
      custom_id: given.custom_id,
      start_time: given.start_time ?? now(),
      create_time: now(),
      quantity: given.quantity,
    };
    subscriptions.set(subscription.id, subscription);
    actions.set(subscription.id, given.application_context.user_action);
    return subscription;
  }

  function change(subscription: PaypalSubscriptionObject, status: Status): void {
    Object.assign(subscription, { status, status_update_time: now() });
  }

  function infoOf(subscription: PaypalSubscriptionObject) {
    const { currency = "USD" } = planOf(subscription);
    const nothing = { currency_code: currency, value: "0.00" };
    subscription.billing_info ??= { outstanding_balance: nothing, failed_payments_count: 0 };
    return subscription.billing_info;
  }

  function activate(subscription: PaypalSubscriptionObject): void {
    change(subscription, "ACTIVE");
    const info = infoOf(subscription);
    if (Date.parse(subscription.start_time) > Date.parse(now())) {
      info.next_billing_time = subscription.start_time;
      return;
    }
    subscription.start_time = now();
    const { trial } = planOf(subscription);
    if (trial) info.next_billing_time = add(now(), trial.unit, trial.count);
    else charge(subscription.id);
  }

  function charge(id: string): PaypalSale {
    const subscription = find(id);
    if (!["ACTIVE", "SUSPENDED"].includes(subscription.status)) {
      throw new Refusal(422, "SUBSCRIPTION_STATUS_INVALID");
    }
    const { price, unit, count = 1, currency = "USD" } = planOf(subscription);
    const sale: PaypalSale = {
      id: newId("SALE"),
      state: "completed",
      amount: { total: price, currency },
      create_time: now(),
      update_time: now(),
      billing_agreement_id: id,
    };
    sales.set(sale.id, sale);
    if (subscription.status === "SUSPENDED") change(subscription, "ACTIVE");
    Object.assign(infoOf(subscription), {
      failed_payments_count: 0,
      last_payment: { amount: { currency_code: currency, value: price }, time: now() },
      next_billing_time: add(now(), unit, count),
    });
    return sale;
  }

  function saleOf(id: string): PaypalSale {
    const sale = sales.get(id);
    if (!sale) throw new Refusal(404, "RESOURCE_NOT_FOUND");
    return sale;
  }

  /** https://developer.paypal.com/docs/api/subscriptions/v1/#subscriptions_transactions */
  function transactions(id: string, query: URLSearchParams) {
    find(id);
    const [from, to] = [query.get("start_time"), query.get("end_time")];
    if (!from || !to) throw new Refusal(400, "INVALID_REQUEST");
    const status = {
      completed: "COMPLETED",
      partially_refunded: "PARTIALLY_REFUNDED",
      refunded: "REFUNDED",
      pending: "PENDING",
      denied: "DECLINED",
      reversed: "REFUNDED",
    } as const;
    const found = salesOf(id).filter(
      ({ create_time: at }) =>
        Date.parse(at) >= Date.parse(from) && Date.parse(at) <= Date.parse(to),
    );
    return {
      transactions: found.map(({ id: sale, state, amount, create_time }) => ({
        id: sale,
        status: status[state],
        time: create_time,
        amount_with_breakdown: {
          gross_amount: { currency_code: amount.currency, value: amount.total },
        },
        payer_email: "buyer@example.com",
      })),
    };
  }

  function planObject({ id, price, unit, count = 1, currency = "USD", trial }: PaypalPlanTerms) {
    const cycle = (
      tenure_type: string,
      interval_unit: string,
      interval_count: number,
      value: string,
    ) => ({
      tenure_type,
      frequency: { interval_unit, interval_count },
      pricing_scheme: { fixed_price: { value, currency_code: currency } },
    });
    const first = trial ? [cycle("TRIAL", trial.unit, trial.count, "0.00")] : [];
    return {
      id,
      status: "ACTIVE",
      billing_cycles: [...first, cycle("REGULAR", unit, count, price)],
    };
  }

  function verify(body: string) {
    const question = JSON.parse(body);
    // The signature covers the bytes as they were sent. Parsed and serialized again they would differ.
    const raw = /"webhook_event":([\s\S]*)\}$/.exec(body)?.[1];
    const isOurs = question.webhook_id === webhookId && sent.get(question.transmission_id) === raw;
    return { verification_status: isOurs ? "SUCCESS" : "FAILURE" };
  }

  function run(
    method: string,
    url: URL,
    body: string,
    requestId: string | undefined,
  ): object | null {
    const path = `${method} ${url.pathname}`;
    if (path === "POST /v1/notifications/verify-webhook-signature") return verify(body);
    if (path === "POST /v1/billing/subscriptions") {
      const subscription = (requestId && requested.get(requestId)) || create(JSON.parse(body));
      if (requestId) requested.set(requestId, subscription);
      const href = `https://www.paypal.test/approve/${subscription.id}`;
      return { ...subscription, links: [{ rel: "approve", href }] };
    }
    const [, verb, kind, id = "", action] =
      /^(GET|POST) \/v1\/(billing\/subscriptions|billing\/plans|payments\/sale|payments\/refund|customer\/disputes)\/([^/]+)(?:\/([a-z]+))?$/.exec(
        path,
      ) ?? [];
    switch (`${verb} ${kind}${action ? ` ${action}` : ""}`) {
      case "GET billing/subscriptions":
        return find(id);
      case "GET billing/subscriptions transactions":
        return transactions(id, url.searchParams);
      case "POST billing/subscriptions cancel": {
        const subscription = find(id);
        if (!["ACTIVE", "SUSPENDED"].includes(subscription.status)) {
          throw new Refusal(422, "SUBSCRIPTION_STATUS_INVALID");
        }
        change(subscription, "CANCELLED");
        delete subscription.billing_info?.next_billing_time;
        return null;
      }
      case "POST billing/subscriptions activate": {
        const subscription = find(id);
        if (!["APPROVED", "SUSPENDED"].includes(subscription.status)) {
          throw new Refusal(422, "SUBSCRIPTION_STATUS_INVALID");
        }
        activate(subscription);
        return null;
      }
      case "GET billing/plans":
        return planObject(planOf({ plan_id: id }));
      case "GET payments/sale":
        return saleOf(id);
      case "GET payments/refund": {
        const refund = refunds.get(id);
        if (!refund) throw new Refusal(404, "RESOURCE_NOT_FOUND");
        return refund;
      }
      case "GET customer/disputes": {
        const dispute = disputes.get(id);
        if (!dispute) throw new Refusal(404, "RESOURCE_NOT_FOUND");
        return dispute;
      }
      default:
        throw new Refusal(404, "RESOURCE_NOT_FOUND");
    }
  }

  const server = createServer({ keepAliveTimeout }, async (request, response) => {
    const url = new URL(request.url ?? "/", "http://paypal.test");
    const body = await text(request);
    requests.push(`${request.method} ${url.pathname}`);
    const answer = (status: number, value: object | null) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(value === null ? "" : JSON.stringify(value));
    };
    const { authorization } = request.headers;
    if (trouble !== null) return answer(trouble, { name: "INTERNAL_SERVER_ERROR" });
    if (url.pathname === "/v1/oauth2/token") {
      return authorization === `Basic ${btoa("paypal-id:paypal-secret")}`
        ? answer(200, { access_token: token, expires_in: 32_400 })
        : answer(401, { error: "invalid_client" });
    }
    if (authorization !== `Bearer ${token}`) return answer(401, { error: "invalid_token" });
    try {
      const requestId = request.headers["paypal-request-id"];
      const id = typeof requestId === "string" ? requestId : undefined;
      const value = run(request.method ?? "", url, body, id);
      answer(value === null ? 204 : 200, value);
    } catch (error) {
      const { status, issue } = error instanceof Refusal ? error : new Refusal(400, String(error));
      const name = status === 422 ? "UNPROCESSABLE_ENTITY" : issue;
      answer(status, { name, details: [{ issue }] });
    }
  });

  return {
    ...(await listen(server)),
    webhookId,
    subscriptions,
    sales,
    requests,
    trouble: (status) => {
      trouble = status;
    },
    setTime: (next) => {
      time = next;
    },
    addPlan: (terms) => void plans.set(terms.id, terms),
    create,
    approve(id) {
      const subscription = find(id);
      if (subscription.status !== "APPROVAL_PENDING") throw new Refusal(422, "ALREADY_APPROVED");
      if (actions.get(id) === "CONTINUE") change(subscription, "APPROVED");
      else activate(subscription);
    },
    charge,
    fail(id, suspends = false) {
      const subscription = find(id);
      infoOf(subscription).failed_payments_count += 1;
      if (suspends) change(subscription, "SUSPENDED");
    },
    expire: (id) => change(find(id), "EXPIRED"),
    refund(saleId, value) {
      const sale = saleOf(saleId);
      const total = value ?? sale.amount.total;
      const refund: PaypalRefund = {
        id: newId("REFUND"),
        state: "completed",
        sale_id: saleId,
        amount: { total, currency: sale.amount.currency },
        create_time: now(),
      };
      refunds.set(refund.id, refund);
      const sum = [...refunds.values()]
        .filter(({ sale_id }) => sale_id === saleId)
        .reduce((all, { amount }) => all + Number(amount.total), 0);
      const state = sum >= Number(sale.amount.total) ? "refunded" : "partially_refunded";
      Object.assign(sale, { state, update_time: now() });
      return refund;
    },
    dispute(saleId, changes = {}) {
      const sale = saleOf(saleId);
      const dispute = {
        dispute_id: newId("PP-D"),
        disputed_transactions: [{ seller_transaction_id: saleId }],
        reason: "UNAUTHORISED",
        status: "WAITING_FOR_SELLER_RESPONSE",
        dispute_amount: { currency_code: sale.amount.currency, value: sale.amount.total },
        seller_response_due_date: add(now(), "DAY", 10),
        create_time: now(),
        update_time: now(),
        ...changes,
      };
      disputes.set(dispute.dispute_id, dispute);
      return dispute;
    },
    deliver(to, type, resource, id = `WH-EVENT-${randomUUID()}`) {
      const create_time = new Date().toISOString();
      // With spaces, as PayPal sends it: a receiver that serializes it again fails the verification.
      const body = JSON.stringify({ id, event_type: type, create_time, resource }, null, 1);
      const transmission = randomUUID();
      sent.set(transmission, body);
      return new Request(to, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "paypal-auth-algo": "SHA256withRSA",
          "paypal-cert-url": "https://api.paypal.com/cert",
          "paypal-transmission-id": transmission,
          "paypal-transmission-sig": "signature",
          "paypal-transmission-time": create_time,
        },
        body,
      });
    },
  };
}

/** The 31st becomes the last day of a shorter month. */
function add(from: string, unit: "DAY" | "WEEK" | "MONTH" | "YEAR", count: number): string {
  const date = new Date(from);
  if (unit === "DAY" || unit === "WEEK") {
    date.setUTCDate(date.getUTCDate() + count * (unit === "DAY" ? 1 : 7));
    return date.toISOString();
  }
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + count * (unit === "MONTH" ? 1 : 12));
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, last));
  return date.toISOString();
}
