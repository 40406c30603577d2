import { randomUUID } from "node:crypto";
import Stripe from "stripe";
import { asOperator } from "./clients.ts";

/** Ids of the premium plans' prices at Stripe, as the stack's own stand-in has them, and at PayPal. */
export const prices = {
  monthly: "price_stand_in_premium_monthly",
  yearly: "price_stand_in_premium_yearly",
} as const;
export const paypalPlan = "P-TESTS-MONTHLY";

/** Inserts these prices, unless another test file has done so: the migrations contain no price. */
export async function offerPlans(): Promise<void> {
  await asOperator(
    (sql) => sql`
      insert into public.prices (provider, provider_price_id, plan_type, currency, unit_amount, interval)
      values
        ('stripe', ${prices.monthly}, 'premium_monthly', 'usd', 900, 'month'),
        ('stripe', ${prices.yearly}, 'premium_yearly', 'usd', 9000, 'year'),
        ('paypal', ${paypalPlan}, 'premium_monthly', 'usd', 900, 'month')
      on conflict (provider, provider_price_id) do nothing
    `,
  );
}

/** Credits, premium and subscriptions of a user, and whether the ledger adds up to the credits. */
export async function billingOf(userId: string) {
  return asOperator(async (sql) => {
    const [user] = await sql<{ credits: number; premium_until: Date | null; agrees: boolean }[]>`
      select
        u.credits,
        u.premium_until,
        u.credits = (select sum(t.delta) from public.credit_transactions as t where t.user_id = u.id) as agrees
      from public.users as u
      where u.id = ${userId}
    `;
    const subscriptions = await sql<
      {
        id: string;
        status: string;
        plan_type: string;
        current_period_end: Date | null;
        cancel_at: Date | null;
        ended_at: Date | null;
      }[]
    >`
      select s.provider_subscription_id as id, s.status, s.plan_type, s.current_period_end, s.cancel_at, s.ended_at
      from public.subscriptions as s
      where s.user_id = ${userId}
      order by s.provider_subscription_id
    `;
    if (!user) throw new Error(`there is no user ${userId}`);
    return { ...user, subscriptions: [...subscriptions] };
  });
}

/** An event as Stripe sends it. */
export interface SentEvent {
  id: string;
  object: "event";
  type: string;
  created: number;
  livemode: boolean;
  data: { object: object };
}

export function newEvent(type: string, object: object, created: number): SentEvent {
  const id = `evt_${randomUUID().replaceAll("-", "")}`;
  return { id, object: "event", type, created, livemode: false, data: { object } };
}

/** The delivery of an event, with a signature of this moment. */
export function signedDelivery(url: string, event: SentEvent, secret: string): Request {
  const payload = JSON.stringify(event);
  return new Request(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "stripe-signature": Stripe.webhooks.generateTestHeaderString({ payload, secret }),
    },
    body: payload,
  });
}
