-- Made from supabase/schemas/plans/ by `npm run db:diff -- --first`: change it there.

-- Plans: what a user may have and what a subscription grants. Three rows ship with the package; their prices are in
-- public.prices.
create table public.plans (
  plan_type text primary key,
  name text not null,
  is_premium boolean not null default false,
  monthly_credits integer not null default 0,
  max_strategies integer,
  max_versions integer not null,
  max_custom_indicators integer not null default 0,
  trial_days integer not null default 0,
  is_active boolean not null default true,
  constraint plans_plan_type_form check (plan_type ~ '^[a-z][a-z0-9_]{1,31}$'),
  constraint plans_name_length check (char_length(name) between 1 and 200),
  constraint plans_monthly_credits_not_negative check (monthly_credits >= 0),
  constraint plans_max_strategies_not_negative check (max_strategies >= 0),
  -- The newest version is the strategy itself, so none can be allowed fewer than one.
  constraint plans_max_versions_positive check (max_versions >= 1),
  constraint plans_max_custom_indicators_not_negative check (max_custom_indicators >= 0),
  -- Stripe allows no longer trial.
  constraint plans_trial_days_range check (trial_days between 0 and 730)
);

comment on table public.plans is 'What each plan allows and grants. `free` is the plan of everybody without a subscription.';
comment on column public.plans.is_premium is 'Whether a subscription to this plan makes its user premium.';
comment on column public.plans.monthly_credits is 'Credits granted once in each started month of a paid subscription.';
comment on column public.plans.max_strategies is 'Strategies a user may hold; null for no limit.';
comment on column public.plans.max_versions is 'Newest versions kept of each strategy.';
comment on column public.plans.max_custom_indicators is 'Custom indicators a user may hold.';
comment on column public.plans.trial_days is 'Days before the first payment; 0 for no trial. A person has one trial in all.';
comment on column public.plans.is_active is 'Offered to new subscribers; existing subscribers keep an inactive plan.';

alter table public.plans enable row level security;

create policy "anyone reads active plans"
  on public.plans
  for select
  to anon, authenticated
  using (is_active);

revoke all on public.plans from public, anon, authenticated, service_role;
grant select on public.plans to anon, authenticated;
grant select, insert, update, delete on public.plans to service_role;

-- Credit packs: credits that are sold once. Without a current price nobody can buy one.
create table public.credit_packs (
  pack_type text primary key,
  name text not null,
  credits integer not null,
  is_active boolean not null default true,
  constraint credit_packs_pack_type_form check (pack_type ~ '^[a-z][a-z0-9_]{1,31}$'),
  constraint credit_packs_name_length check (char_length(name) between 1 and 200),
  constraint credit_packs_credits_positive check (credits > 0)
);

comment on table public.credit_packs is 'Credits that are sold once, without a subscription.';
comment on column public.credit_packs.credits is 'Credits that one purchase grants.';
comment on column public.credit_packs.is_active is 'Offered; an inactive pack can still be refunded.';

alter table public.credit_packs enable row level security;

create policy "anyone reads active packs"
  on public.credit_packs
  for select
  to anon, authenticated
  using (is_active);

revoke all on public.credit_packs from public, anon, authenticated, service_role;
grant select on public.credit_packs to anon, authenticated;
grant select, insert, update, delete on public.credit_packs to service_role;

-- Prices: one row for each price that is or was offered at a provider. A price that is no longer current is no
-- longer offered, but a subscription that pays it keeps its plan. If old prices were deleted instead, a price rise
-- would end every running subscription. The providers' ids differ per environment, so no price ships.
create table public.prices (
  id uuid primary key default gen_random_uuid(),
  provider text not null,
  provider_price_id text not null,
  plan_type text references public.plans (plan_type) on update cascade on delete restrict,
  pack_type text references public.credit_packs (pack_type) on update cascade on delete restrict,
  currency text not null,
  unit_amount bigint not null,
  interval text,
  interval_count integer not null default 1,
  is_current boolean not null default true,
  created_at timestamptz not null default now(),
  constraint prices_provider_price_id_key unique (provider, provider_price_id),
  constraint prices_provider_known check (provider in ('stripe', 'paypal')),
  constraint prices_provider_price_id_length check (char_length(provider_price_id) between 1 and 255),
  constraint prices_sells_one_thing check (num_nonnulls(plan_type, pack_type) = 1),
  constraint prices_currency_form check (currency ~ '^[a-z]{3}$'),
  constraint prices_unit_amount_not_negative check (unit_amount >= 0),
  constraint prices_interval_known check (interval in ('month', 'year')),
  -- A plan is paid for again and again, a pack once.
  constraint prices_interval_fits check ((plan_type is not null) = (interval is not null)),
  -- No provider bills less often than every three years.
  constraint prices_interval_count_range
    check (interval_count between 1 and case interval when 'month' then 36 when 'year' then 3 else 1 end)
);

create index prices_plan_type_idx on public.prices (plan_type);

create index prices_pack_type_idx on public.prices (pack_type);

-- At most one current price for each offer, so that a checkout never has to choose between two.
create unique index prices_one_current
  on public.prices (provider, plan_type, pack_type, currency, interval, interval_count)
  nulls not distinct
  where is_current;

comment on table public.prices is 'What plans and packs cost at each provider, today and before. Set per environment.';
comment on column public.prices.provider_price_id is 'Stripe''s price or PayPal''s plan. Not readable by clients.';
comment on column public.prices.currency is 'Three lower-case letters, as in usd.';
comment on column public.prices.unit_amount is 'Amount in the currency''s smallest unit, for one interval or one pack.';
comment on column public.prices.interval is 'month or year; null for a pack.';
comment on column public.prices.interval_count is 'Number of intervals in one paid period.';
comment on column public.prices.is_current is 'Offered to new buyers. A price that is not current still entitles those who pay it.';

alter table public.prices enable row level security;

create policy "anyone reads current prices"
  on public.prices
  for select
  to anon, authenticated
  using (is_current);

revoke all on public.prices from public, anon, authenticated, service_role;
grant select (id, provider, plan_type, pack_type, currency, unit_amount, interval, interval_count, is_current, created_at)
  on public.prices to anon, authenticated;
grant select, insert, update, delete on public.prices to service_role;

-- Subscriptions: what a user pays for, as a payment provider reports it or as an operator has granted it. Only
-- billing functions write it: a user who could insert here would be premium.
create table public.subscriptions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  status text not null,
  provider text not null,
  provider_subscription_id text,
  plan_type text not null references public.plans (plan_type) on update cascade on delete restrict,
  current_period_start timestamptz,
  current_period_end timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  cancel_at timestamptz,
  grace_until timestamptz,
  ended_at timestamptz,
  livemode boolean not null default true,
  read_number bigint not null default 0,
  price_id uuid references public.prices (id) on delete restrict,
  revoked_at timestamptz,
  paid_through timestamptz,
  next_grant_at timestamptz,
  constraint subscriptions_provider_subscription_id_key unique (provider, provider_subscription_id),
  constraint subscriptions_provider_known check (provider in ('stripe', 'paypal', 'manual')),
  -- Stripe's eight, from https://docs.stripe.com/api/subscriptions/object#subscription_object-status
  constraint subscriptions_status_known check (
    status in (
      'incomplete', 'incomplete_expired', 'trialing', 'active', 'past_due', 'canceled', 'unpaid', 'paused'
    )
  )
);

create index subscriptions_user_id_idx on public.subscriptions (user_id);

create index subscriptions_plan_type_idx on public.subscriptions (plan_type);

create index subscriptions_price_id_idx on public.subscriptions (price_id);

-- By these two indexes a sweep finds what is due, so one with nothing to do reads nothing.
create index subscriptions_next_grant_at_idx
  on public.subscriptions (next_grant_at)
  where next_grant_at is not null;

create index subscriptions_cancel_at_idx
  on public.subscriptions (cancel_at)
  where cancel_at is not null and status in ('trialing', 'active', 'past_due');

-- billing_attention() looks for renewals that are overdue and for revoked subscriptions. Both are few.
create index subscriptions_renewal_due_idx
  on public.subscriptions (current_period_end)
  where status in ('trialing', 'active') and provider <> 'manual';

create index subscriptions_revoked_at_idx
  on public.subscriptions (revoked_at)
  where revoked_at is not null;

comment on table public.subscriptions is 'Subscriptions as the provider last reported them. Written by billing only.';
comment on column public.subscriptions.status is 'One of Stripe''s eight; PayPal''s are mapped to them.';
comment on column public.subscriptions.provider is 'stripe, paypal, or manual for one that an operator granted.';
comment on column public.subscriptions.provider_subscription_id is 'The provider''s id; null for manual ones.';
comment on column public.subscriptions.cancel_at is 'When it is scheduled to end; null when it will renew.';
comment on column public.subscriptions.grace_until is 'Until when an unpaid subscription still entitles; counted from the start of the unpaid period, so no retry moves it.';
comment on column public.subscriptions.price_id is 'The price that it pays, current or not; null for manual ones.';
comment on column public.subscriptions.revoked_at is
  'Since when it entitles to nothing, whatever the provider reports; set by revoke_subscription() or a lost dispute.';
comment on column public.subscriptions.paid_through is 'End of the last period that was paid for and not refunded in full.';
comment on column public.subscriptions.next_grant_at is 'When its next month of credits begins; null when no further month has been paid for.';
comment on column public.subscriptions.livemode is 'Whether real money moves; test mode and live mode never mix.';
comment on column public.subscriptions.read_number is 'Number of the read that wrote this row; an older read never overwrites a newer one.';

alter table public.subscriptions enable row level security;

create policy "users read their own subscriptions"
  on public.subscriptions
  for select
  to authenticated
  using (user_id = (select auth.uid()));

create policy "OAuth clients that are not trusted act as visitors"
  on public.subscriptions
  as restrictive
  for all
  to authenticated
  using ((select private.session_is_trusted()));

create trigger subscriptions_set_updated_at
  before update on public.subscriptions
  for each row
  when (old.* is distinct from new.*)
  execute function private.set_updated_at();

-- Sets ended_at of a subscription that is over, also where an operator ends it by hand.
create function private.note_subscription_end()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  new.ended_at := now();
  return new;
end;
$$;

create trigger subscriptions_note_end
  before insert or update of status on public.subscriptions
  for each row
  when (new.status in ('canceled', 'incomplete_expired') and new.ended_at is null)
  execute function private.note_subscription_end();

revoke all on public.subscriptions from public, anon, authenticated, service_role;
grant select on public.subscriptions to authenticated;
grant select, insert, update, delete on public.subscriptions to service_role;
revoke all on function private.note_subscription_end from public, anon, authenticated, service_role;

-- Refuses more strategies or custom indicators than the user's plan allows; the trigger's argument is what a row is
-- called. The rows are counted after they are inserted, because row-level security has refused another user's row by
-- then. The user's row is locked while they are counted, so that two requests at once cannot both add the last one.
-- Rows beyond the limit of a plan that has lapsed stay; only the next one is refused. service_role and migrations
-- act for the operator and have no limit.
create function private.hold_to_plan()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid;
  v_plan public.plans;
  v_limit integer;
  v_count bigint;
begin
  if (select auth.uid()) is null then
    return null;
  end if;

  for v_user_id in
    select distinct a.user_id
    from added as a
    order by a.user_id
  loop
    v_plan := private.plan_of(v_user_id);
    v_limit := case tg_table_name
      when 'strategies' then v_plan.max_strategies
      when 'custom_indicators' then v_plan.max_custom_indicators
    end;
    continue when v_limit is null;

    perform private.lock_account(v_user_id);

    v_count := case tg_table_name
      when 'strategies' then (select count(*) from public.strategies as s where s.user_id = v_user_id)
      when 'custom_indicators' then (select count(*) from public.custom_indicators as i where i.user_id = v_user_id)
    end;
    if v_count > v_limit then
      perform private.raise_error(
        'plan_limit_reached',
        format('Delete a %s or change the plan: %s allows %s.', tg_argv[0], v_plan.name, v_limit),
        jsonb_build_object('limit', v_limit, 'plan', v_plan.plan_type)
      );
    end if;
  end loop;
  return null;
end;
$$;

revoke all on function private.hold_to_plan from public, anon, authenticated, service_role;

-- Returns the plan whose limits hold for a user now. premium_until alone decides whether they are premium, and the
-- subscription that runs longest decides which premium plan it is. Premium without any subscription has the limits
-- of the monthly plan.
create function private.plan_of(user_id uuid)
returns public.plans
language sql
stable
security definer
set search_path = ''
begin atomic
  select p
  from public.plans as p
  where p.plan_type = case
    when not private.is_premium(plan_of.user_id) then 'free'
    else coalesce(
      (
        select s.plan_type
        from public.subscriptions as s
        join public.plans as sp on sp.plan_type = s.plan_type
        where s.user_id = plan_of.user_id
          and sp.is_premium
        order by s.ended_at is null desc, s.current_period_end desc nulls first, s.created_at desc
        limit 1
      ),
      'premium_monthly'
    )
  end;
end;

revoke all on function private.plan_of from public, anon, authenticated, service_role;

insert into public.credit_packs (pack_type, name, credits)
values
  ('credits_100', '100 credits', 100),
  ('credits_1000', '1,000 credits', 1000);

-- Every plan that ships limits everything that a user may have, so that the storage of an account is bounded: at
-- most max_strategies times max_versions documents of 128 KiB. An operator may remove the limit of strategies with
-- null.
insert into public.plans
  (plan_type, name, is_premium, monthly_credits, max_strategies, max_versions, max_custom_indicators)
values
  ('free', 'Free', false, 0, 25, 50, 0),
  ('premium_monthly', 'Premium, monthly', true, 100, 1000, 500, 100),
  ('premium_yearly', 'Premium, yearly', true, 100, 1000, 500, 100);
