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
