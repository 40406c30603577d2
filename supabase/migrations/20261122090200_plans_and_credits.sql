-- Plans: what a user may hold and what a subscription grants. The three rows ship
-- here; the payment providers' ids differ per environment and are set there.
create table public.plans (
  plan_type text primary key,
  name text not null,
  is_premium boolean not null default false,
  monthly_credits integer not null default 0,
  max_strategies integer,
  max_versions integer not null,
  max_custom_indicators integer not null default 0,
  stripe_price_id text,
  paypal_plan_id text,
  is_active boolean not null default true,
  constraint plans_plan_type_form check (plan_type ~ '^[a-z][a-z0-9_]{1,31}$'),
  constraint plans_name_length check (char_length(name) between 1 and 200),
  constraint plans_monthly_credits_not_negative check (monthly_credits >= 0),
  constraint plans_max_strategies_not_negative check (max_strategies >= 0),
  -- The newest version is the strategy itself, so none can be allowed fewer than one.
  constraint plans_max_versions_positive check (max_versions >= 1),
  constraint plans_max_custom_indicators_not_negative check (max_custom_indicators >= 0),
  constraint plans_stripe_price_id_key unique (stripe_price_id),
  constraint plans_paypal_plan_id_key unique (paypal_plan_id)
);

comment on table public.plans is 'What each plan allows and grants. `free` is the plan of everybody without a subscription.';
comment on column public.plans.is_premium is 'Whether a subscription to this plan makes its user premium.';
comment on column public.plans.monthly_credits is 'Credits granted once in each started month of a paid subscription.';
comment on column public.plans.max_strategies is 'Strategies a user may hold; null for no limit.';
comment on column public.plans.max_versions is 'Newest versions kept of each strategy.';
comment on column public.plans.max_custom_indicators is 'Custom indicators a user may hold.';
comment on column public.plans.stripe_price_id is 'Stripe''s price of this plan in this environment.';
comment on column public.plans.paypal_plan_id is 'PayPal''s plan in this environment.';
comment on column public.plans.is_active is 'Offered to new subscribers; an inactive plan keeps the ones it has.';

alter table public.plans enable row level security;

create policy "anyone reads active plans"
  on public.plans
  for select
  to anon, authenticated
  using (is_active);

revoke all on public.plans from public, anon, authenticated, service_role;
grant select on public.plans to anon, authenticated;
grant select, insert, update, delete on public.plans to service_role;

insert into public.plans
  (plan_type, name, is_premium, monthly_credits, max_strategies, max_versions, max_custom_indicators)
values
  ('free', 'Free', false, 0, 25, 50, 0),
  ('premium_monthly', 'Premium, monthly', true, 100, null, 500, 100),
  ('premium_yearly', 'Premium, yearly', true, 100, null, 500, 100);

-- The ledger: every change of users.credits is a row here, in the same transaction.
-- The sum of a user's deltas is the balance, and the last row's balance_after says so.
create table public.credit_transactions (
  id bigint generated always as identity primary key,
  user_id uuid not null references public.users (id) on delete cascade,
  kind text not null,
  delta integer not null,
  balance_after integer not null,
  reason text,
  idempotency_key text,
  refund_of bigint references public.credit_transactions (id) on delete cascade,
  created_at timestamptz not null default now(),
  constraint credit_transactions_kind_known
    check (kind in ('opening', 'consume', 'refund', 'grant', 'subscription', 'import')),
  -- An import takes a balance over from elsewhere, which may be lower than the opening one.
  constraint credit_transactions_delta_fits_kind
    check (case kind when 'consume' then delta < 0 when 'import' then true else delta >= 0 end),
  constraint credit_transactions_balance_not_negative check (balance_after >= 0),
  constraint credit_transactions_reason_length check (char_length(reason) <= 4000),
  -- Wider than what a client may send (8-64 of A-Za-z0-9_-), so that the system's
  -- own keys can carry a prefix that no client can produce.
  constraint credit_transactions_idempotency_key_form check (idempotency_key ~ '^[A-Za-z0-9_:.-]{8,200}$'),
  constraint credit_transactions_refund_has_origin check ((kind = 'refund') = (refund_of is not null)),
  constraint credit_transactions_idempotent unique (user_id, kind, idempotency_key),
  constraint credit_transactions_refunded_once unique (refund_of)
);

create index credit_transactions_user_id_idx on public.credit_transactions (user_id, id);

comment on table public.credit_transactions is
  'Ledger of users.credits, append-only for every role: rows go only with their user.';
comment on column public.credit_transactions.delta is 'Credits added, or taken when negative.';
comment on column public.credit_transactions.balance_after is 'users.credits after this row.';
comment on column public.credit_transactions.idempotency_key is 'Makes a repeat of the same request answer the first result.';
comment on column public.credit_transactions.refund_of is 'The consume row that a refund gives back; each at most once.';

alter table public.credit_transactions enable row level security;

create policy "users read their own ledger"
  on public.credit_transactions
  for select
  to authenticated
  using (user_id = (select auth.uid()));

revoke all on public.credit_transactions from public, anon, authenticated, service_role;
revoke all on sequence public.credit_transactions_id_seq from public, anon, authenticated, service_role;
grant select on public.credit_transactions to authenticated, service_role;

create trigger credit_transactions_are_append_only
  before update or delete on public.credit_transactions
  for each row
  execute function private.refuse_unless_user_is_gone();

create trigger credit_transactions_are_not_truncated
  before truncate on public.credit_transactions
  for each statement
  execute function private.refuse_unless_user_is_gone();

-- The opening balance is a ledger row like any other, whoever creates the account.
create function private.record_opening_credits()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  insert into public.credit_transactions (user_id, kind, delta, balance_after, reason)
  values (new.id, 'opening', new.credits, new.credits, 'Opening credits');
  return null;
end;
$$;

comment on function private.record_opening_credits() is
  'Trigger function: writes the ledger row of a new account''s opening credits.';

revoke all on function private.record_opening_credits from public, anon, authenticated, service_role;

create trigger users_record_opening_credits
  after insert on public.users
  for each row
  execute function private.record_opening_credits();

-- At commit the last ledger row must carry the balance, by whatever path it changed.
-- An update of users.credits alone, also by service_role, is refused here.
create function private.require_ledgered_credits()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_credits integer;
  v_balance integer;
begin
  select u.credits
  into v_credits
  from public.users as u
  where u.id = new.id;

  select t.balance_after
  into v_balance
  from public.credit_transactions as t
  where t.user_id = new.id
  order by t.id desc
  limit 1;

  if v_credits is distinct from v_balance and v_credits is not null then
    raise exception using
      errcode = 'check_violation',
      message = 'users.credits changed without its ledger row: use grant_credits, charge_credits or refund_credits.',
      schema = 'public',
      table = 'users',
      column = 'credits',
      constraint = tg_name;
  end if;
  return null;
end;
$$;

comment on function private.require_ledgered_credits() is
  'Constraint trigger function: refuses a transaction that leaves users.credits and its ledger apart.';

revoke all on function private.require_ledgered_credits from public, anon, authenticated, service_role;

create constraint trigger users_credits_are_ledgered
  after update of credits on public.users
  deferrable initially deferred
  for each row
  when (old.credits is distinct from new.credits)
  execute function private.require_ledgered_credits();

-- Accounts for the auth users that are here already, each with its opening credits.
-- Single-sign-on users come last: where two share an email, the other one keeps it.
do $$
begin
  perform private.ensure_account(u.id)
  from auth.users as u
  order by u.is_sso_user, u.created_at;
end;
$$;
