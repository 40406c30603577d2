import { randomUUID } from "node:crypto";
import postgres from "postgres";
import type Stripe from "stripe";
import { directRpc } from "../../../scripts/lib/service-database.ts";
import type { ClaimsReader } from "../../functions/_shared/auth/caller.ts";
import { createProviders } from "../../functions/_shared/billing/providers.ts";
import { registeredEvents } from "../../functions/_shared/stripe/events.ts";
import { createHandler as checkout } from "../../functions/create-checkout-session/handler.ts";
import { createHandler as paypalCheckout } from "../../functions/create-paypal-subscription/handler.ts";
import { createHandler as deleteAccount } from "../../functions/delete-account/handler.ts";
import { createHandler as paypalWebhook } from "../../functions/paypal-webhook/handler.ts";
import { createHandler as stripeWebhook } from "../../functions/stripe-webhook/handler.ts";
import { createHandler as synchronize } from "../../functions/sync-subscription/handler.ts";
import { newEvent, type SentEvent, signedDelivery } from "./billing.ts";
import { asOperator } from "./clients.ts";
import { app, startKeyedFunctions, webhookSecret } from "./keyed-functions.ts";
import type { Member, postAs } from "./members.ts";
import { type PaypalFake, startPaypalFake } from "./paypal-fake.ts";
import { stack } from "./stack.ts";
import {
  type StripeObject,
  type StripeStandIn,
  startStripeStandIn,
  stripeClient,
} from "./stripe-stand-in.ts";

/** The plans of every shop: credits of a month, and the price of a period in the smallest unit. */
export const sold = {
  basic_monthly: { credits: 100, interval: "month", amount: 900 },
  basic_yearly: { credits: 100, interval: "year", amount: 9_000 },
  pro_monthly: { credits: 1_000, interval: "month", amount: 2_900 },
  pro_yearly: { credits: 1_000, interval: "year", amount: 29_000 },
} as const;

export type SoldPlan = keyof typeof sold;

/** Credits of a new account. */
export const opening = 5;

/** A business for one test file: the edge functions that sell, with their own stand-ins for Stripe and PayPal. */
export interface Shop {
  stripe: StripeStandIn;
  api: Stripe;
  paypal: PaypalFake;
  functionsUrl: string;
  /** The variables of the functions, for commands that need the same providers. */
  keys: Record<string, string>;
  /** The `plan_type` of a plan. */
  planType(plan: SoldPlan): string;
  /** The provider's id of a plan's current price. */
  price: Record<SoldPlan, string>;
  paypalPrice: Record<SoldPlan, string>;
  /** Events that Stripe has created and that are not delivered yet. */
  pending: SentEvent[];
  post(member: Member, name: string, body: unknown): ReturnType<typeof postAs>;
  /** Delivers the pending events, or these; gives the status that each was answered with. */
  deliver(events?: SentEvent[]): Promise<string[]>;
  /** Drops the pending events, as if they were lost on the way. */
  loseEvents(): void;
  /** Buys a plan on Stripe's page; gives the subscription's id. */
  subscribe(member: Member, plan: SoldPlan, card?: string): Promise<string>;
  /** Moves a subscription to another plan at Stripe, invoiced at once. */
  move(subscription: string, plan: SoldPlan): Promise<void>;
  /** Gives a subscription another card to pay with. */
  payWith(subscription: string, card: string): Promise<void>;
  /** Opens a subscription at PayPal and approves it as the buyer; gives the subscription's id. */
  approve(member: Member, plan: SoldPlan, options?: object): Promise<string>;
  /** Delivers an event of PayPal; gives the status that it was answered with. */
  deliverPaypal(type: string, resource: object): Promise<string>;
  /** Creates a new current price for a plan. The old one is no longer sold; gives the new one's id. */
  raisePrice(plan: SoldPlan, amount: number): Promise<string>;
  close(): Promise<void>;
}

/**
 * Opens a shop, with plans and prices that no other shop has.
 *
 * @param place where the functions run: under Deno behind HTTP, or in this process, which is much faster
 * @param settings further variables of the functions
 */
export async function openShop(
  place: "http" | "here" = "http",
  settings: Record<string, string> = {},
): Promise<Shop> {
  const stripe = await startStripeStandIn();
  const paypal = await startPaypalFake();
  const keys = {
    STRIPE_SECRET_KEY: "sk_test_shop",
    STRIPE_API_BASE: stripe.url,
    PAYPAL_CLIENT_ID: "paypal-id",
    PAYPAL_CLIENT_SECRET: "paypal-secret",
    PAYPAL_WEBHOOK_ID: paypal.webhookId,
    PAYPAL_API_BASE: paypal.url,
    ...settings,
  };
  const functions: ShopFunctions =
    place === "http" ? await startKeyedFunctions(keys) : functionsHere(keys);
  const api = stripeClient(stripe.url);
  const pending: SentEvent[] = [];
  stripe.onEvent((type, object) => {
    // Stripe sends an endpoint only the types that it is registered for.
    if (!registeredEvents.some((one) => one === type)) return;
    pending.push(newEvent(type, object, Math.floor(Date.now() / 1000)));
  });

  const suffix = randomUUID().slice(0, 8).replaceAll("-", "");
  const planType = (plan: SoldPlan) => `${plan}_${suffix}`;
  const product = await api.products.create({ name: "Shop" });
  const newPrice = (plan: SoldPlan, amount: number) =>
    api.prices.create({
      product: product.id,
      currency: "usd",
      unit_amount: amount,
      recurring: { interval: sold[plan].interval },
    });
  const price = {} as Record<SoldPlan, string>;
  const paypalPrice = {} as Record<SoldPlan, string>;
  for (const plan of Object.keys(sold) as SoldPlan[]) {
    const { credits, interval, amount } = sold[plan];
    price[plan] = (await newPrice(plan, amount)).id;
    paypalPrice[plan] = `P-${plan}-${suffix}`;
    const unit = interval === "month" ? "MONTH" : "YEAR";
    paypal.addPlan({ id: paypalPrice[plan], price: (amount / 100).toFixed(2), unit });
    await asOperator(async (sql) => {
      await sql`
        insert into public.plans (plan_type, name, is_premium, monthly_credits, max_versions)
        values (${planType(plan)}, ${plan}, true, ${credits}, 100)
      `;
      await insertPrice(sql, "stripe", price[plan], planType(plan), amount, interval);
      await insertPrice(sql, "paypal", paypalPrice[plan], planType(plan), amount, interval);
    });
  }
  pending.length = 0;

  const send = functions.handle ?? fetch;
  const post: Shop["post"] = async ({ token }, name, body) => {
    const headers = { authorization: `Bearer ${token}`, apikey: stack.PUBLISHABLE_KEY };
    const request = { method: "POST", headers, body: JSON.stringify(body) };
    const response = await send(new Request(`${functions.url}/${name}`, request));
    return { status: response.status, headers: response.headers, body: await response.json() };
  };
  const deliver: Shop["deliver"] = async (events = pending.splice(0)) => {
    const statuses: string[] = [];
    for (const event of events) {
      const url = `${functions.url}/stripe-webhook`;
      const response = await send(signedDelivery(url, event, webhookSecret));
      const body = await response.json();
      statuses.push(response.status === 200 ? body.status : `${response.status}`);
    }
    return statuses;
  };

  return {
    stripe,
    api,
    paypal,
    functionsUrl: functions.url,
    keys,
    planType,
    price,
    paypalPrice,
    pending,
    post,
    deliver,
    loseEvents: () => void pending.splice(0),
    async subscribe(member, plan, card = "pm_card_visa") {
      const { body } = await post(member, "create-checkout-session", {
        plan_type: planType(plan),
        success_url: app,
        cancel_url: app,
      });
      if (!body.url) throw new Error(`no checkout was opened: ${JSON.stringify(body)}`);
      const session = stripe.objects("checkout.session").find(({ url }) => url === body.url);
      if (!session) throw new Error(`no session has the URL ${body.url}`);
      await completeSession(stripe, session, card);
      return String(
        stripe.objects("checkout.session").find(({ id }) => id === session.id)?.subscription,
      );
    },
    async move(subscription, plan) {
      const { items } = await api.subscriptions.retrieve(subscription);
      await api.subscriptions.update(subscription, {
        items: [{ id: items.data[0]?.id ?? "", price: price[plan] }],
        proration_behavior: "always_invoice",
      });
    },
    async payWith(subscription, card) {
      const { customer } = await api.subscriptions.retrieve(subscription);
      const method = await api.paymentMethods.attach(card, { customer: String(customer) });
      await api.subscriptions.update(subscription, { default_payment_method: method.id });
    },
    async approve(member, plan, options = {}) {
      const { status, body } = await post(member, "create-paypal-subscription", {
        plan_type: planType(plan),
        return_url: app,
        cancel_url: app,
        ...options,
      });
      if (status !== 200)
        throw new Error(`no subscription was opened at PayPal: ${JSON.stringify(body)}`);
      const id = String(body.url).split("/").at(-1) ?? "";
      paypal.approve(id);
      return id;
    },
    async deliverPaypal(type, resource) {
      const url = `${functions.url}/paypal-webhook`;
      const response = await send(paypal.deliver(url, type, resource));
      const body = await response.json();
      return response.status === 200 ? body.status : `${response.status}`;
    },
    async raisePrice(plan, amount) {
      const { id } = await newPrice(plan, amount);
      await api.prices.update(price[plan], { active: false });
      await asOperator((sql) =>
        sql.begin(async (transaction) => {
          await transaction`
            update public.prices set is_current = false where provider_price_id = ${price[plan]}
          `;
          const { interval } = sold[plan];
          await insertPrice(transaction, "stripe", id, planType(plan), amount, interval);
        }),
      );
      price[plan] = id;
      return id;
    },
    async close() {
      await functions.stop();
      await stripe.close();
      await paypal.close();
    },
  };
}

interface ShopFunctions {
  url: string;
  /** Answers a request in this process. Where it is missing, requests go over HTTP. */
  handle?(request: Request): Promise<Response>;
  stop(): Promise<void>;
}

/** The functions that sell, in this process, with a connection to the database in place of the Data API. */
function functionsHere(keys: Record<string, string>): ShopFunctions {
  const connection = { role: "service_role" };
  const sql = postgres(stack.DB_URL, { max: 4, onnotice: () => {}, connection });
  const service = directRpc(sql);
  const variables = { ...keys, STRIPE_WEBHOOK_SECRET: webhookSecret };
  const providers = createProviders(variables, null);
  const auth: ClaimsReader = {
    // The signature is not checked here. That the functions check it is tested in api/api-keys.
    getClaims: (token) => {
      const claims = Buffer.from(token.split(".")[1] ?? "", "base64url").toString();
      return Promise.resolve({ data: { claims: JSON.parse(claims) }, error: null });
    },
  };
  const allowedOrigins = (origin: string) => origin === app;
  const common = { auth, service, providers, allowedOrigins, log: () => {} };
  const handlers: Record<string, (request: Request) => Promise<Response>> = {
    "stripe-webhook": stripeWebhook({ ...common, hasSecret: true }),
    "paypal-webhook": paypalWebhook({ ...common, hasWebhookId: true }),
    "create-checkout-session": checkout(common),
    "create-paypal-subscription": paypalCheckout(common),
    "sync-subscription": synchronize({ ...common, serviceKeys: [] }),
    "delete-account": deleteAccount({ ...common, files: { removeAll: () => Promise.resolve(0) } }),
  };
  return {
    url: "http://functions.test",
    handle: async (request: Request) => {
      const handler = handlers[new URL(request.url).pathname.slice(1)];
      if (!handler) throw new Error(`${request.url} is no function that runs in this process`);
      return await handler(request);
    },
    stop: () => sql.end(),
  };
}

/** Pays on the page of a checkout session, as the customer does; gives the status. */
export async function completeSession(
  stripe: StripeStandIn,
  session: StripeObject,
  card = "pm_card_visa",
): Promise<number> {
  const amount = session.trial_period_days ? 0 : session.amount_total;
  const response = await fetch(`${stripe.url}/v1/payment_pages/${session.id}/confirm`, {
    method: "POST",
    headers: { authorization: "Bearer sk_test_shop" },
    body: new URLSearchParams({ payment_method: card, expected_amount: String(amount) }),
  });
  return response.status;
}

async function insertPrice(
  sql: postgres.ISql,
  provider: string,
  id: string,
  planType: string,
  amount: number,
  interval: string,
): Promise<void> {
  await sql`
    insert into public.prices (provider, provider_price_id, plan_type, currency, unit_amount, interval)
    values (${provider}, ${id}, ${planType}, 'usd', ${amount}, ${interval})
  `;
}
