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
