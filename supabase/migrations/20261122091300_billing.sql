-- Billing: whose a payment is, what it entitles to, and the checkout that leads there.
--
-- What providers say arrives as a snapshot, one shape for all of them, read by the edge
-- functions:
--   {provider, id, customer_id, livemode, status, price_ids: [text], periods: {price id:
--    {start, end}}, period_start, period_end, cancel_at, ended_at, paid, payments:
--    [{price_ids, from, through}], user_id}
-- Times are ISO 8601. `cancel_at` is the scheduled end, however the provider words it;
-- `periods` are those of its items where each has its own; `paid` says that the period has
-- been paid for, for nothing too; `payments` are periods that an invoice says were paid;
-- `user_id` is the one that we wrote into the subscription's metadata.

-- Which user a provider's customer is. This table wins over whatever a payload says: a
-- customer, once linked, belongs to that user. One that was deleted at the provider
-- stays linked, because events about it may still be on their way.
create table private.billing_customers (
  provider text not null,
  customer_id text not null,
  user_id uuid not null references public.users (id) on delete cascade,
  created_at timestamptz not null default now(),
  deleted_at timestamptz,
  constraint billing_customers_pkey primary key (provider, customer_id),
  constraint billing_customers_provider_known check (provider in ('stripe', 'paypal')),
  constraint billing_customers_customer_id_length check (char_length(customer_id) between 1 and 255)
);

create index billing_customers_user_id_idx on private.billing_customers (user_id);

create unique index billing_customers_one_per_user
  on private.billing_customers (user_id, provider)
  where deleted_at is null;

comment on table private.billing_customers is
  'Which user each customer of a payment provider is. Decides whose a subscription is.';

revoke all on private.billing_customers from public, anon, authenticated, service_role;

-- Customers whose user has deleted the account: what is still said of them is ignored.
create table private.deleted_customers (
  provider text not null,
  customer_id text not null,
  deleted_at timestamptz not null default now(),
  constraint deleted_customers_pkey primary key (provider, customer_id)
);

comment on table private.deleted_customers is 'Customers whose user is gone; late events about them are ignored.';

revoke all on private.deleted_customers from public, anon, authenticated, service_role;

create function private.remember_deleted_customer()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  insert into private.deleted_customers (provider, customer_id)
  values (old.provider, old.customer_id)
  on conflict do nothing;
  return null;
end;
$$;

comment on function private.remember_deleted_customer() is
  'Trigger function: keeps the ids of customers whose user is deleted.';

revoke all on function private.remember_deleted_customer from public, anon, authenticated, service_role;

create trigger billing_customers_remember_deleted
  after delete on private.billing_customers
  for each row
  execute function private.remember_deleted_customer();

-- Each read of a provider draws a number before it asks. A subscription is written only
-- by a read with a higher number than its row's, so a slow read cannot overwrite a newer
-- one. Numbers made from an event's time, where there is no key to read with, stay below
-- 10^15 until the year 2286; numbers drawn here start there, so a read beats any event.
-- Both stay exact in JavaScript, below 2^53.
create sequence private.read_numbers as bigint start with 1000000000000000;

revoke all on sequence private.read_numbers from public, anon, authenticated, service_role;

-- The periods of each subscription that were paid for, for their monthly credits. A
-- payment is a fact whenever it is heard of: also one that is older than the row of its
-- subscription is kept here, so that credits do not depend on the order of events.
create table private.paid_periods (
  subscription_id uuid not null references public.subscriptions (id) on delete cascade,
  paid_from timestamptz not null,
  paid_through timestamptz not null,
  plan_type text not null references public.plans (plan_type) on update cascade on delete cascade,
  constraint paid_periods_pkey primary key (subscription_id, paid_from),
  constraint paid_periods_order check (paid_from < paid_through)
);

create index paid_periods_plan_type_idx on private.paid_periods (plan_type);

comment on table private.paid_periods is 'The periods of subscriptions that were paid for; each month of one grants credits.';

revoke all on private.paid_periods from public, anon, authenticated, service_role;

-- The months of each subscription that have had their credits, counted from one.
create table private.granted_months (
  subscription_id uuid not null references public.subscriptions (id) on delete cascade,
  ordinal integer not null,
  month_start timestamptz not null,
  constraint granted_months_pkey primary key (subscription_id, ordinal)
);

comment on table private.granted_months is 'The subscription months whose credits were granted.';

revoke all on private.granted_months from public, anon, authenticated, service_role;

-- The one open checkout of a user. `attempt` is the idempotency key at the provider, so
-- that two clicks at once make one session; `fingerprint` says what was asked for.
create table private.checkouts (
  user_id uuid primary key references public.users (id) on delete cascade,
  attempt uuid not null default gen_random_uuid(),
  provider text not null,
  fingerprint text not null,
  plan_type text not null references public.plans (plan_type) on update cascade on delete cascade,
  user_coupon_id uuid references public.user_coupons (id) on delete set null,
  session_id text,
  url text,
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  constraint checkouts_session_id_key unique (session_id),
  constraint checkouts_provider_known check (provider in ('stripe', 'paypal'))
);

create index checkouts_plan_type_idx on private.checkouts (plan_type);
create index checkouts_user_coupon_id_idx on private.checkouts (user_coupon_id);

comment on table private.checkouts is 'The open checkout of each user: one at most, or one person could subscribe twice.';

revoke all on private.checkouts from public, anon, authenticated, service_role;

-- ---------------------------------------------------------------- entitlement

-- Until when one subscription entitles its user. Three days beyond a period that will
-- renew, because the renewal's webhook may be late; exactly the end where one is
-- scheduled; past due, the grace.
create function private.entitled_until(
  status text,
  current_period_end timestamptz,
  cancel_at timestamptz,
  grace_until timestamptz
)
returns timestamptz
language sql
immutable
security invoker
set search_path = ''
return case
  when entitled_until.status in ('trialing', 'active')
    then least(entitled_until.current_period_end + interval '3 days', entitled_until.cancel_at)
  when entitled_until.status = 'past_due'
    then least(entitled_until.grace_until, entitled_until.cancel_at)
end;

comment on function private.entitled_until(text, timestamptz, timestamptz, timestamptz) is
  'Until when a subscription in this state makes its user premium; null for not at all.';

revoke all on function private.entitled_until from public, anon, authenticated, service_role;

-- The one place that writes premium_until: the latest of all subscriptions counts.
create function private.refresh_premium(user_id uuid)
returns void
language sql
volatile
security definer
set search_path = ''
begin atomic
  update public.users as u
  set premium_until = entitled.until
  from (
    select max(private.entitled_until(s.status, s.current_period_end, s.cancel_at, s.grace_until)) as until
    from public.subscriptions as s
    join public.plans as p on p.plan_type = s.plan_type
    where s.user_id = refresh_premium.user_id
      and p.is_premium
  ) as entitled
  where u.id = refresh_premium.user_id
    and u.premium_until is distinct from entitled.until;
end;

comment on function private.refresh_premium(uuid) is
  'Derives users.premium_until from the user''s subscriptions.';

revoke all on function private.refresh_premium from public, anon, authenticated, service_role;

-- ------------------------------------------------------------- monthly credits

-- Grants each month of a paid period that has started and was not granted. A plan that is
-- changed on the tenth starts a new period in a month that had its credits, so months that
-- start closer than the shortest one is long count once. They are counted over all paid
-- periods, earliest first, and what was granted is taken off: however many months fit, in
-- whatever order their payments were heard of. A subscription that ended early has no
-- months after its end.
create function private.grant_months(subscription_id uuid, known_until timestamptz)
returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid;
  v_ends timestamptz;
  v_granted integer;
  v_due integer := 0;
  v_counted timestamptz := '-infinity';
  v_month record;
begin
  select s.user_id, least(s.ended_at, s.cancel_at)
  into v_user_id, v_ends
  from public.subscriptions as s
  where s.id = grant_months.subscription_id;

  -- The user's row is the lock of their ledger and of the months counted here.
  perform
  from public.users as u
  where u.id = v_user_id
  for no key update;

  select count(*)
  into v_granted
  from private.granted_months as g
  where g.subscription_id = grant_months.subscription_id;

  for v_month in
    select m.month_start, pl.monthly_credits
    from private.paid_periods as p
    join public.plans as pl on pl.plan_type = p.plan_type
    cross join lateral (
      -- Counted from the period's start, or the 31st would become the 28th for good.
      select p.paid_from + make_interval(months => n) as month_start
      from generate_series(0, 1 + 12 * (1 + extract(year from age(p.paid_through, p.paid_from))::integer)) as n
    ) as m
    where p.subscription_id = grant_months.subscription_id
      and pl.monthly_credits > 0
      and m.month_start < p.paid_through
      and m.month_start <= grant_months.known_until
      and (v_ends is null or m.month_start < v_ends)
    order by m.month_start, pl.monthly_credits desc
  loop
    -- The shortest month has 28 days, and summer time takes an hour of one.
    continue when v_month.month_start < v_counted + interval '27 days';
    v_counted := v_month.month_start;
    v_due := v_due + 1;
    continue when v_due <= v_granted;

    insert into private.granted_months (subscription_id, ordinal, month_start)
    values (grant_months.subscription_id, v_due, v_month.month_start);

    perform private.change_credits(
      v_user_id,
      'subscription',
      v_month.monthly_credits,
      'Credits of a subscription month',
      format('subscription:%s:%s', grant_months.subscription_id, v_due)
    );
  end loop;

  return greatest(v_due - v_granted, 0);
end;
$$;

comment on function private.grant_months(uuid, timestamptz) is
  'Grants the credits of each month of a subscription''s paid periods that started until then, once; returns how many.';

revoke all on function private.grant_months from public, anon, authenticated, service_role;

-- ------------------------------------------------------------------ customers

-- Whose a customer is. The table wins; metadata that we wrote may create the link that
-- is missing, and only that. Null with a reason where it cannot be said.
create function private.billing_user(
  provider text,
  customer_id text,
  claimed_user_id uuid,
  out user_id uuid,
  out outcome text,
  out reason text
)
returns record
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  select c.user_id
  into billing_user.user_id
  from private.billing_customers as c
  where c.provider = billing_user.provider
    and c.customer_id = billing_user.customer_id;

  if billing_user.user_id is null
    and (
      private.is_deleted_user(billing_user.claimed_user_id)
      or exists (
        select
        from private.deleted_customers as d
        where d.provider = billing_user.provider
          and d.customer_id = billing_user.customer_id
      )
    )
  then
    outcome := 'ignored';
    reason := 'The user has deleted the account.';
    return;
  end if;

  if billing_user.user_id is null and billing_user.claimed_user_id is not null then
    insert into private.billing_customers (provider, customer_id, user_id)
    select billing_user.provider, billing_user.customer_id, u.id
    from public.users as u
    where u.id = billing_user.claimed_user_id
    on conflict do nothing;

    select c.user_id
    into billing_user.user_id
    from private.billing_customers as c
    where c.provider = billing_user.provider
      and c.customer_id = billing_user.customer_id;
  end if;

  if billing_user.user_id is null then
    outcome := 'parked';
    reason := case
      when billing_user.claimed_user_id is null then 'No user is linked to this customer.'
      when exists (select from public.users as u where u.id = billing_user.claimed_user_id)
        then 'The metadata names a user who has another customer.'
      else 'The metadata names a user who has no account.'
    end;
  elsif billing_user.claimed_user_id <> billing_user.user_id then
    billing_user.user_id := null;
    outcome := 'parked';
    reason := 'The metadata names another user than the one this customer is linked to.';
  end if;
end;
$$;

comment on function private.billing_user(text, text, uuid) is
  'The user of a provider''s customer; or null with the outcome (parked, ignored) and its reason.';

revoke all on function private.billing_user from public, anon, authenticated, service_role;

-- -------------------------------------------------------------- subscriptions

create function private.price_of_plan(provider text, plan_type text)
returns text
language sql
stable
security definer
set search_path = ''
begin atomic
  select p.provider_price_id
  from public.prices as p
  where p.provider = price_of_plan.provider
    and p.plan_type = price_of_plan.plan_type
    and p.is_current
  order by p.currency <> 'usd', p.created_at, p.provider_price_id
  limit 1;
end;

comment on function private.price_of_plan(text, text) is 'The id of a plan''s current price at a provider.';

revoke all on function private.price_of_plan from public, anon, authenticated, service_role;

-- Whether a price is current says what is offered, not what it is worth: a subscription
-- with other items beside is still one to our plan.
create function private.plan_by_price(provider text, price_ids jsonb)
returns text
language sql
stable
security definer
set search_path = ''
begin atomic
  select p.plan_type
  from public.prices as p
  join public.plans as pl on pl.plan_type = p.plan_type
  where p.provider = plan_by_price.provider
    and jsonb_exists(plan_by_price.price_ids, p.provider_price_id)
  order by pl.is_premium desc, p.plan_type
  limit 1;
end;

comment on function private.plan_by_price(text, jsonb) is 'The plan type that has one of these ids at a provider; null for none.';

revoke all on function private.plan_by_price from public, anon, authenticated, service_role;

-- Keeps what invoices say was paid, and grants what follows. A row that was read from an
-- event knows nothing of the time after that event: its number is made from that time, and
-- what comes later is granted by a later event or the sweep. So the credits do not depend
-- on the order either.
create function private.add_payments(subscription_id uuid, payments jsonb)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_provider text;
  v_number bigint;
begin
  select s.provider, s.read_number
  into v_provider, v_number
  from public.subscriptions as s
  where s.id = add_payments.subscription_id;

  insert into private.paid_periods (subscription_id, paid_from, paid_through, plan_type)
  select add_payments.subscription_id, paid.paid_from, paid.paid_through, paid.plan_type
  from (
    select
      (t.payment ->> 'from')::timestamptz as paid_from,
      (t.payment ->> 'through')::timestamptz as paid_through,
      private.plan_by_price(v_provider, t.payment -> 'price_ids') as plan_type
    from jsonb_array_elements(coalesce(add_payments.payments, '[]')) as t (payment)
  ) as paid
  where paid.plan_type is not null
    and paid.paid_from < paid.paid_through
  on conflict do nothing;

  perform private.grant_months(
    add_payments.subscription_id,
    case when v_number < 1000000000000000 then least(now(), to_timestamp(v_number / 100000 + 1)) else now() end
  );
end;
$$;

comment on function private.add_payments(uuid, jsonb) is
  'Keeps paid periods of a subscription, [{price_ids, from, through}], and grants their months.';

revoke all on function private.add_payments from public, anon, authenticated, service_role;

-- Writes what a read of the provider said, if no later read has been written, and with
-- it what follows: premium and the month's credits. Answers {outcome, reason, user_id},
-- outcome one of processed, parked, ignored.
create function private.apply_subscription(snapshot jsonb, read_number bigint)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_provider text := snapshot ->> 'provider';
  v_id text := snapshot ->> 'id';
  v_status text := snapshot ->> 'status';
  v_plan_type text := private.plan_by_price(snapshot ->> 'provider', snapshot -> 'price_ids');
  v_period jsonb := (
    select snapshot -> 'periods' -> p.provider_price_id
    from public.prices as p
    where p.provider = snapshot ->> 'provider'
      and p.plan_type = v_plan_type
      and jsonb_exists(snapshot -> 'price_ids', p.provider_price_id)
    limit 1
  );
  v_start timestamptz := coalesce(v_period ->> 'start', snapshot ->> 'period_start');
  v_end timestamptz := coalesce(v_period ->> 'end', snapshot ->> 'period_end');
  v_who record;
  v_subscription_id uuid;
begin
  select w.user_id, w.outcome, w.reason
  into v_who
  from private.billing_user(v_provider, snapshot ->> 'customer_id', (snapshot ->> 'user_id')::uuid) as w;

  if v_who.user_id is null then
    return jsonb_build_object('outcome', v_who.outcome, 'reason', v_who.reason);
  end if;

  -- One that has ended needs no plan that is known today: it keeps the one it had.
  if v_plan_type is null and v_status in ('canceled', 'incomplete_expired', 'unpaid') then
    select s.plan_type
    into v_plan_type
    from public.subscriptions as s
    where s.provider = v_provider
      and s.provider_subscription_id = v_id;
  end if;

  if v_plan_type is null then
    return jsonb_build_object(
      'outcome', 'parked',
      'reason', format('No plan has the price %s.', coalesce(snapshot -> 'price_ids' ->> 0, '(none)')),
      'user_id', v_who.user_id
    );
  end if;

  -- The user's row first, always, so that two subscriptions of one user take their locks
  -- in one order.
  perform
  from public.users as u
  where u.id = v_who.user_id
  for no key update;

  insert into public.subscriptions as s (
    user_id, status, provider, provider_subscription_id, plan_type, current_period_start,
    current_period_end, cancel_at, grace_until, ended_at, livemode, read_number
  )
  values (
    v_who.user_id,
    v_status,
    v_provider,
    v_id,
    v_plan_type,
    v_start,
    v_end,
    (snapshot ->> 'cancel_at')::timestamptz,
    -- From the start of the period that is unpaid, so that no retry moves it.
    case when v_status = 'past_due' then v_start + interval '7 days' end,
    (snapshot ->> 'ended_at')::timestamptz,
    (snapshot ->> 'livemode')::boolean,
    apply_subscription.read_number
  )
  on conflict (provider, provider_subscription_id) do update
    set status = excluded.status,
        plan_type = excluded.plan_type,
        current_period_start = excluded.current_period_start,
        current_period_end = excluded.current_period_end,
        cancel_at = excluded.cancel_at,
        grace_until = excluded.grace_until,
        ended_at = excluded.ended_at,
        livemode = excluded.livemode,
        read_number = excluded.read_number
    where excluded.read_number > s.read_number
  returning s.id into v_subscription_id;

  if v_subscription_id is not null then
    perform private.refresh_premium(v_who.user_id);
  else
    select s.id
    into v_subscription_id
    from public.subscriptions as s
    where s.provider = v_provider
      and s.provider_subscription_id = v_id;
  end if;

  if v_status = 'active' and (snapshot ->> 'paid')::boolean and v_start < v_end then
    insert into private.paid_periods as p (subscription_id, paid_from, paid_through, plan_type)
    values (v_subscription_id, v_start, v_end, v_plan_type)
    on conflict do nothing;
  end if;
  perform private.add_payments(v_subscription_id, snapshot -> 'payments');

  return jsonb_build_object('outcome', 'processed', 'user_id', v_who.user_id);
end;
$$;

comment on function private.apply_subscription(jsonb, bigint) is
  'Writes a subscription snapshot unless a later read was written, with premium and credits: {outcome, reason, user_id}.';

revoke all on function private.apply_subscription from public, anon, authenticated, service_role;

-- ------------------------------------------------------------------- checkout

-- Whether a subscription stands in the way of another: it entitles, or will again.
create function private.has_running_subscription(user_id uuid)
returns boolean
language sql
stable
security definer
set search_path = ''
begin atomic
  select exists (
    select
    from public.subscriptions as s
    where s.user_id = has_running_subscription.user_id
      and s.provider <> 'manual'
      and s.status in ('trialing', 'active', 'past_due', 'unpaid', 'paused')
  );
end;

comment on function private.has_running_subscription(uuid) is
  'Whether the user has a subscription at a provider that has not ended.';

revoke all on function private.has_running_subscription from public, anon, authenticated, service_role;

-- Begins a checkout, or answers the one that is open. The provider is called after this
-- transaction, not within it; `attempt` is the idempotency key of that call, so whoever
-- asks for the same at the same time gets the same session. Where a session is open for
-- something else, or for less than the coupon that the user has by now, nothing is begun:
-- `expire_session` is to be closed at the provider first, where it may turn out to have
-- completed meanwhile.
create function private.begin_checkout(user_id uuid, provider text, plan_type text, fingerprint text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_email text;
  v_open private.checkouts;
  v_user_coupon_id uuid;
begin
  select u.email
  into v_email
  from public.users as u
  where u.id = begin_checkout.user_id
  for no key update;

  if not found then
    perform private.raise_error('email_required', 'Add an email to the account first: a receipt needs one.');
  end if;

  perform
  from public.plans as p
  where p.plan_type = begin_checkout.plan_type
    and p.is_active
    and p.is_premium;

  if not found then
    perform private.raise_error(
      'invalid_argument',
      'No plan of this type is offered: choose one of the active plans.',
      jsonb_build_object('argument', 'plan_type', 'value', begin_checkout.plan_type)
    );
  end if;

  if private.has_running_subscription(begin_checkout.user_id) then
    perform private.raise_error(
      'active_subscription',
      'There is a subscription already: change or cancel it in the billing portal.',
      jsonb_build_object('portal', 'create-portal-session')
    );
  end if;

  select c.*
  into v_open
  from private.checkouts as c
  where c.user_id = begin_checkout.user_id;

  -- The one that the open checkout has reserved, or the oldest; PayPal knows no coupons.
  if begin_checkout.provider = 'stripe' then
    select uc.id
    into v_user_coupon_id
    from public.user_coupons as uc
    where uc.user_id = begin_checkout.user_id
      and uc.applied_at is null
      and (uc.checkout_session_id is null or uc.checkout_session_id = v_open.session_id)
    order by uc.id = v_open.user_coupon_id desc nulls last, uc.used_at, uc.id
    limit 1;
  end if;

  if v_open.provider is distinct from begin_checkout.provider
    or v_open.fingerprint is distinct from begin_checkout.fingerprint
    or v_open.user_coupon_id is distinct from v_user_coupon_id
    or v_open.expires_at <= now()
  then
    if v_open.session_id is not null then
      return jsonb_build_object('expire_session', v_open.session_id, 'provider', v_open.provider);
    end if;

    delete from private.checkouts as c
    where c.user_id = begin_checkout.user_id;

    insert into private.checkouts (user_id, provider, fingerprint, plan_type, user_coupon_id)
    values (
      begin_checkout.user_id,
      begin_checkout.provider,
      begin_checkout.fingerprint,
      begin_checkout.plan_type,
      v_user_coupon_id
    )
    returning * into v_open;
  end if;

  return jsonb_build_object(
    'attempt', v_open.attempt,
    'session_id', v_open.session_id,
    'url', v_open.url,
    'email', v_email,
    'price_id', private.price_of_plan(begin_checkout.provider, begin_checkout.plan_type),
    'customer_id', (
      select c.customer_id
      from private.billing_customers as c
      where c.user_id = begin_checkout.user_id
        and c.provider = begin_checkout.provider
        and c.deleted_at is null
    ),
    'coupon', (
      select jsonb_build_object(
        'id', k.id,
        'code', k.code,
        'discount_percent', k.discount_percent,
        'duration', k.duration
      )
      from public.user_coupons as uc
      join public.coupons as k on k.id = uc.coupon_id
      where uc.id = v_open.user_coupon_id
    )
  );
end;
$$;

comment on function private.begin_checkout(uuid, text, text, text) is
  'Begins the user''s one checkout or answers the open one: {attempt, session_id, url, email, price_id, customer_id, coupon}; or {expire_session, provider}.';

revoke all on function private.begin_checkout from public, anon, authenticated, service_role;

-- Notes the session that the provider made for an attempt, and reserves the coupon for
-- it. False where the attempt is no longer the user's: that session is to be expired.
create function private.open_checkout(attempt uuid, session_id text, url text, expires_at timestamptz)
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_coupon_id uuid;
begin
  update private.checkouts as c
  set session_id = open_checkout.session_id,
      url = open_checkout.url,
      expires_at = open_checkout.expires_at
  where c.attempt = open_checkout.attempt
  returning c.user_coupon_id into v_user_coupon_id;

  if not found then
    return false;
  end if;

  update public.user_coupons as uc
  set checkout_session_id = open_checkout.session_id
  where uc.id = v_user_coupon_id
    and uc.applied_at is null;

  return true;
end;
$$;

comment on function private.open_checkout(uuid, text, text, timestamptz) is
  'Notes the provider''s session of a checkout attempt; false where another attempt has replaced it.';

revoke all on function private.open_checkout from public, anon, authenticated, service_role;

-- A provider answers a request that it refused in the same way again, under the same
-- idempotency key: the next try needs a new attempt.
create function private.drop_checkout(attempt uuid)
returns void
language sql
volatile
security definer
set search_path = ''
begin atomic
  delete from private.checkouts as c
  where c.attempt = drop_checkout.attempt
    and c.session_id is null;
end;

comment on function private.drop_checkout(uuid) is 'Forgets a checkout attempt that has no session.';

revoke all on function private.drop_checkout from public, anon, authenticated, service_role;

-- Closes a checkout. Its coupon is spent when it completed and free again when it did
-- not, and stays reserved, with null, while the money is under way. A session that is not
-- the one that reserved it changes nothing of it.
create function private.end_checkout(user_id uuid, session_id text, completed boolean)
returns void
language sql
volatile
security definer
set search_path = ''
begin atomic
  update public.user_coupons as uc
  set applied_at = case when end_checkout.completed then now() end,
      checkout_session_id = case when end_checkout.completed then uc.checkout_session_id end
  where uc.user_id = end_checkout.user_id
    and uc.checkout_session_id = end_checkout.session_id
    and uc.applied_at is null
    and end_checkout.completed is not null;

  delete from private.checkouts as c
  where c.user_id = end_checkout.user_id
    and c.session_id = end_checkout.session_id;
end;

comment on function private.end_checkout(uuid, text, boolean) is
  'Closes a checkout: spends the coupon it reserved, or frees it, or with null leaves it reserved.';

revoke all on function private.end_checkout from public, anon, authenticated, service_role;

-- ---------------------------------------------------------------- by an operator

-- One manual subscription a user: granting again moves it, an end in the past ends it.
create function private.grant_premium(user_id uuid, plan_type text, until timestamptz)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if not exists (select from public.users as u where u.id = grant_premium.user_id) then
    perform private.raise_error('user_not_found', 'No account has this id.', jsonb_build_object('user_id', grant_premium.user_id));
  end if;

  if not exists (select from public.plans as p where p.plan_type = grant_premium.plan_type and p.is_premium) then
    perform private.raise_error(
      'invalid_argument', 'Choose a premium plan.', jsonb_build_object('argument', 'plan_type', 'value', grant_premium.plan_type)
    );
  end if;

  if grant_premium.until is null then
    perform private.raise_error('invalid_argument', 'Say until when.', jsonb_build_object('argument', 'until'));
  end if;

  perform
  from public.users as u
  where u.id = grant_premium.user_id
  for no key update;

  insert into public.subscriptions as s (
    user_id, status, provider, provider_subscription_id, plan_type, current_period_start, current_period_end, cancel_at
  )
  values (
    grant_premium.user_id,
    'active',
    'manual',
    'manual:' || grant_premium.user_id,
    grant_premium.plan_type,
    now(),
    grant_premium.until,
    grant_premium.until
  )
  on conflict (provider, provider_subscription_id) do update
    set plan_type = excluded.plan_type,
        current_period_end = excluded.current_period_end,
        cancel_at = excluded.cancel_at,
        ended_at = null,
        status = 'active';

  perform private.refresh_premium(grant_premium.user_id);

  return private.account_document(grant_premium.user_id);
end;
$$;

comment on function private.grant_premium(uuid, text, timestamptz) is
  'Makes a user premium until a time by a manual subscription; returns the account.';

revoke all on function private.grant_premium from public, anon, authenticated, service_role;
