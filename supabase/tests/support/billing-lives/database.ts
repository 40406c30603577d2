import { randomUUID } from "node:crypto";
import type postgres from "postgres";
import type { Moment } from "../billing-reference/calendar.ts";
import type { Overview } from "../billing-reference/overview.ts";
import type { Provider } from "../billing-reference/truth.ts";
import { pack, plans, pricesAfter } from "./catalog.ts";
import type { Hint } from "./provider.ts";
import type { Json } from "./snapshot.ts";

/** What the simulation needs of a database. */
export interface BillingDatabase {
  createUsers(count: number): Promise<string[]>;
  /** Draws a read number, which is higher than all before. */
  lastReadNumber(): Promise<number>;
  /** Makes the prices after a number of rises the current ones. */
  offerPrices(rises: number): Promise<void>;
  /** Records a PayPal subscription as one that our checkout has created. */
  expectPayPal(
    userId: string,
    subscription: { id: string; priceId: string; at: Moment },
  ): Promise<void>;
  record(event: ProviderEvent, effect: Json, readNumber: number, now: Moment): Promise<string>;
  applyRead(snapshots: Json[], purchases: Json[], readNumber: number, now: Moment): Promise<void>;
  sweep(now: Moment): Promise<void>;
  revoke(subscription: string, now: Moment): Promise<void>;
  reinstate(subscription: string, now: Moment): Promise<void>;
  spend(userId: string, amount: number): Promise<void>;
  deleteUser(userId: string, how: "function" | "studio"): Promise<void>;
  openTasks(): Promise<{ id: string; action: string; subscription: string }[]>;
  finishTask(id: string): Promise<void>;
  accounts(userIds: string[]): Promise<Map<string, Account>>;
  /** Each user's ledger as lines of kind, subscription and month (if there is one), and sum. */
  ledgers(userIds: string[]): Promise<Map<string, string[]>>;
  /** The business figures, in the reference's form, and the sum of all credits. */
  overview(now: Moment): Promise<Overview & { credits: number }>;
  /** Deletes the users of a run, with their events, tasks and flags. */
  deleteUsers(userIds: string[]): Promise<void>;
}

interface Figures {
  by_currency: { mrr: number; active: number; trialing: number; past_due: number }[];
  by_plan: { plan_type: string; active: number; trialing: number; past_due: number }[];
  credits_outstanding: number;
}

export type ProviderEvent = Hint & { provider: Provider };

export interface Account {
  credits: number;
  premiumUntil: Moment | null;
}

/**
 * The database, over one connection of the role postgres. It calls the implementations instead of the public wrappers,
 * because only these take the time as an argument.
 */
export function billingDatabase(sql: postgres.Sql): BillingDatabase {
  const time = (moment: Moment) => new Date(moment).toISOString();

  return {
    async createUsers(count) {
      const ids = Array.from({ length: count }, () => randomUUID());
      await sql`
        insert into auth.users (id, email, aud, role)
        select id, id || '@lives.test', 'authenticated', 'authenticated'
        from unnest(${ids}::uuid[]) as id`;
      return ids;
    },

    async lastReadNumber() {
      const [row] = await sql<
        { number: string }[]
      >`select nextval('private.read_numbers') as number`;
      return Number(row?.number);
    },

    async offerPrices(rises) {
      await sql.begin(async (tx) => {
        await tx`
          insert into public.plans (plan_type, name, is_premium, monthly_credits, max_versions)
          select plan_type, plan_type, true, monthly_credits, 10
          from jsonb_to_recordset(${tx.json(
            plans.map(({ planType, monthlyCredits }) => ({
              plan_type: planType,
              monthly_credits: monthlyCredits,
            })),
          )}) as plan (plan_type text, monthly_credits integer)
          on conflict do nothing`;
        await tx`
          insert into public.credit_packs (pack_type, name, credits)
          values (${pack.packType}, 'Pack', ${pack.credits})
          on conflict do nothing`;
        await tx`
          insert into public.prices (provider, provider_price_id, pack_type, currency, unit_amount)
          values ('stripe', ${pack.priceId}, ${pack.packType}, 'usd', ${pack.amount})
          on conflict do nothing`;
        await tx`update public.prices set is_current = false where plan_type is not null`;
        const offered = [...pricesAfter(rises, "stripe"), ...pricesAfter(rises, "paypal")];
        await tx`
          insert into public.prices
            (provider, provider_price_id, plan_type, currency, unit_amount, "interval", interval_count)
          select provider, id, plan_type, 'usd', amount, "interval", interval_count
          from jsonb_to_recordset(${tx.json(
            offered.map(({ provider, id, plan, amount, months }) => ({
              ...{ provider, id, plan_type: plan.planType, amount },
              interval: months === 12 ? "year" : "month",
              interval_count: months === 12 ? 1 : months,
            })),
          )}) as price
            (provider text, id text, plan_type text, amount bigint, "interval" text, interval_count integer)
          on conflict (provider, provider_price_id) do update set is_current = true`;
      });
    },

    async expectPayPal(userId, { id, priceId, at }) {
      await sql`
        insert into private.known_subscriptions
          (provider, subscription_id, user_id, price_id, opened_at)
        select 'paypal', ${id}, ${userId}, p.id, ${time(at)}
        from public.prices as p
        where p.provider_price_id = ${priceId}`;
    },

    async record({ id, at, type, provider }, effect, readNumber, now) {
      const [row] = await sql<{ answer: { status: string; reason?: string | null } }[]>`
        select private.record_webhook_event(
          ${provider}, ${id}, ${type}, ${time(at)}::timestamptz, false, '{}',
          ${sql.json(effect)}, ${readNumber}::bigint, ${time(now)}::timestamptz
        ) as answer`;
      const { status, reason } = row?.answer ?? { status: "not answered" };
      return status === "processed" || status === "duplicate" ? status : `${status}: ${reason}`;
    },

    async applyRead(snapshots, purchases, readNumber, now) {
      await sql`
        select private.apply_read(
          snapshots := ${sql.json(snapshots)}, purchases := ${sql.json(purchases)},
          read_number := ${readNumber}::bigint, as_of := ${time(now)}::timestamptz
        )`;
    },

    async sweep(now) {
      for (;;) {
        const [row] = await sql<{ answer: { [key: string]: unknown } }[]>`
          select private.sweep(as_of := ${time(now)}::timestamptz) as answer`;
        const { retried, ended, months_granted, failures, ledger_disagreements } =
          row?.answer ?? {};
        if (failures !== 0 || JSON.stringify(ledger_disagreements) !== "[]") {
          throw new Error(`The sweep failed: ${JSON.stringify(row?.answer)}`);
        }
        if (retried === 0 && ended === 0 && months_granted === 0) {
          return;
        }
      }
    },

    async revoke(subscription, now) {
      await sql`
        select private.change_revocation(s.id, 'Fraud', true, ${time(now)}::timestamptz)
        from public.subscriptions as s
        where s.provider_subscription_id = ${subscription}`;
    },

    async reinstate(subscription, now) {
      await sql`
        select private.change_revocation(s.id, null, false, ${time(now)}::timestamptz)
        from public.subscriptions as s
        where s.provider_subscription_id = ${subscription}`;
    },

    async spend(userId, amount) {
      await sql`
        select public.charge_credits(${userId}, ${amount}, 'a spend', ${randomUUID()})`;
    },

    async deleteUser(userId, how) {
      if (how === "function") {
        await sql`select public.delete_user(${userId})`;
      } else {
        await sql`delete from auth.users where id = ${userId}`;
      }
    },

    async openTasks() {
      const rows = await sql<
        { tasks: { id: number; action: string; subscription_id: string }[] }[]
      >`
        select public.open_provider_tasks(1000) as tasks`;
      return (rows[0]?.tasks ?? []).map(({ id, action, subscription_id }) => ({
        ...{ id: String(id), action, subscription: subscription_id },
      }));
    },

    async finishTask(id) {
      await sql`select public.finish_provider_task(${id}::bigint)`;
    },

    async accounts(userIds) {
      const rows = await sql<{ id: string; credits: number; premium_until: Date | null }[]>`
        select id, credits, premium_until
        from public.users
        where id = any (${userIds}::uuid[])`;
      return new Map(
        rows.map(({ id, credits, premium_until }) => [
          id,
          { credits, premiumUntil: premium_until?.getTime() ?? null },
        ]),
      );
    },

    async ledgers(userIds) {
      const rows = await sql<{ user_id: string; line: string }[]>`
        with rows as (
          select
            t.user_id,
            t.kind,
            t.delta,
            case when t.kind = 'subscription' then split_part(t.idempotency_key, ':', 2) end as subscription_id,
            case when t.kind = 'subscription' then split_part(t.idempotency_key, ':', 3) end as month
          from public.credit_transactions as t
          where t.user_id = any (${userIds}::uuid[]) and t.kind <> 'consume'
        )
        select
          r.user_id,
          concat_ws(
            ' ',
            r.kind,
            s.provider_subscription_id,
            to_char(to_timestamp(r.month, 'YYYYMMDD"T"HH24MISS"Z"'), 'YYYY-MM-DD"T"HH24:MI:SS'),
            sum(r.delta)
          ) as line
        from rows as r
        left join public.subscriptions as s on s.id::text = r.subscription_id
        group by r.user_id, r.kind, s.provider_subscription_id, r.month`;
      const ledgers = new Map<string, string[]>();
      for (const { user_id, line } of rows) {
        ledgers.set(user_id, [...(ledgers.get(user_id) ?? []), line]);
      }
      return ledgers;
    },

    async overview(now) {
      const [row] = await sql<{ answer: Figures }[]>`
        select private.billing_overview(as_of := ${time(now)}::timestamptz) as answer`;
      const { by_currency = [], by_plan = [], credits_outstanding = 0 } = row?.answer ?? {};
      const { mrr = 0, active = 0, trialing = 0, past_due = 0 } = by_currency[0] ?? {};
      const sold = by_plan.map((plan) => [
        plan.plan_type,
        plan.active + plan.trialing + plan.past_due,
      ]);
      return {
        mrr,
        byStatus: { active, trialing, past_due },
        byPlan: Object.fromEntries(sold.sort()),
        credits: credits_outstanding,
      };
    },

    async deleteUsers(userIds) {
      await sql`delete from auth.users where id = any (${userIds}::uuid[])`;
      await sql`truncate private.provider_tasks, private.webhook_events, private.billing_flags`;
    },
  };
}
