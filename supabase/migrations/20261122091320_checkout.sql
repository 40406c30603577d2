-- Checkout: the one way to buy, and what an operator does by hand.

-- ------------------------------------------------------------------- checkout

-- Begins a checkout, or answers the one that is open. The provider is called after this
-- transaction, not within it; `attempt` is the idempotency key of that call, so whoever
-- asks for the same at the same time gets the same session. Where a session is open for
-- something else, or for less than the coupon that the user has by now, nothing is begun:
-- `expire_session` is to be closed at the provider first, where it may turn out to have
-- completed meanwhile.
create function private.begin_checkout(
  user_id uuid,
  provider text,
  fingerprint text,
  plan_type text,
  pack_type text,
  currency text,
  ignore_coupon boolean,
  as_of timestamptz
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_email text;
  v_price public.prices;
  v_trial_days integer := 0;
  v_running jsonb;
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

  -- Check: what is sold.
  if num_nonnulls(begin_checkout.plan_type, begin_checkout.pack_type) <> 1 then
    perform private.raise_error('invalid_argument', 'Name either a plan or a pack.', '{"argument": "plan_type"}');
  elsif begin_checkout.plan_type is not null then
    select p.trial_days
    into v_trial_days
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
  elsif not exists (
    select
    from public.credit_packs as k
    where k.pack_type = begin_checkout.pack_type
      and k.is_active
  ) then
    perform private.raise_error(
      'invalid_argument',
      'No pack of this type is offered: choose one of the active packs.',
      jsonb_build_object('argument', 'pack_type', 'value', begin_checkout.pack_type)
    );
  end if;

  -- Check: its price.
  select p.*
  into v_price
  from public.prices as p
  where p.provider = begin_checkout.provider
    and p.is_current
    and (p.plan_type = begin_checkout.plan_type or p.pack_type = begin_checkout.pack_type)
    and (begin_checkout.currency is null or p.currency = lower(begin_checkout.currency))
  order by p.currency <> 'usd', p.created_at, p.id
  limit 1;

  if not found then
    perform private.raise_error(
      'price_not_found',
      'This has no price here: choose another currency or payment provider.',
      jsonb_build_object(
        'provider', begin_checkout.provider,
        'currency', begin_checkout.currency,
        'currencies', (
          select coalesce(jsonb_agg(distinct p.currency), '[]')
          from public.prices as p
          where p.provider = begin_checkout.provider
            and p.is_current
            and (p.plan_type = begin_checkout.plan_type or p.pack_type = begin_checkout.pack_type)
        )
      )
    );
  end if;

  -- Check: nothing else runs. A pack stands beside a subscription.
  if begin_checkout.plan_type is not null then
    select jsonb_agg(jsonb_build_object('provider', s.provider, 'id', s.provider_subscription_id))
    into v_running
    from public.subscriptions as s
    where s.user_id = begin_checkout.user_id
      and s.provider <> 'manual'
      and private.is_running(s.status);

    if v_running is not null then
      perform private.raise_error(
        'active_subscription',
        'There is a subscription already: change or cancel it in the billing portal.',
        jsonb_build_object('portal', 'create-portal-session', 'subscriptions', v_running)
      );
    end if;

    if v_trial_days > 0 and private.person_used('trial', begin_checkout.user_id) then
      v_trial_days := 0;
    end if;
  end if;

  select c.*
  into v_open
  from private.checkouts as c
  where c.user_id = begin_checkout.user_id;

  -- The one that the open checkout has reserved, or the oldest. A coupon is for a plan.
  if begin_checkout.plan_type is not null then
    select uc.id
    into v_user_coupon_id
    from public.user_coupons as uc
    where uc.user_id = begin_checkout.user_id
      and uc.applied_at is null
      and (uc.checkout_session_id is null or uc.checkout_session_id = v_open.session_id)
    order by uc.id = v_open.user_coupon_id desc nulls last, uc.used_at, uc.id
    limit 1;

    if begin_checkout.provider = 'paypal' and v_user_coupon_id is not null then
      if not begin_checkout.ignore_coupon then
        perform private.raise_error(
          'invalid_argument',
          'PayPal knows no coupons: pay by card to use yours, or confirm that it is not to be used.',
          jsonb_build_object(
            'argument', 'ignore_coupon',
            'coupon', (
              select k.code
              from public.user_coupons as uc
              join public.coupons as k on k.id = uc.coupon_id
              where uc.id = v_user_coupon_id
            )
          )
        );
      end if;
      v_user_coupon_id := null;
    end if;
  end if;

  if v_open.provider is distinct from begin_checkout.provider
    or v_open.fingerprint is distinct from begin_checkout.fingerprint
    or v_open.price_id is distinct from v_price.id
    or v_open.trial_days is distinct from v_trial_days
    or v_open.user_coupon_id is distinct from v_user_coupon_id
    or v_open.expires_at <= begin_checkout.as_of
  then
    if v_open.session_id is not null then
      return jsonb_build_object('expire_session', v_open.session_id, 'provider', v_open.provider);
    end if;

    delete from private.checkouts as c
    where c.user_id = begin_checkout.user_id;

    insert into private.checkouts (user_id, provider, fingerprint, price_id, trial_days, user_coupon_id, created_at)
    values (
      begin_checkout.user_id,
      begin_checkout.provider,
      begin_checkout.fingerprint,
      v_price.id,
      v_trial_days,
      v_user_coupon_id,
      begin_checkout.as_of
    )
    returning * into v_open;
  end if;

  return jsonb_build_object(
    'attempt', v_open.attempt,
    'session_id', v_open.session_id,
    'url', v_open.url,
    'email', v_email,
    'trial_days', v_open.trial_days,
    'price', jsonb_build_object(
      'id', v_price.id,
      'provider_price_id', v_price.provider_price_id,
      'currency', v_price.currency,
      'unit_amount', v_price.unit_amount,
      'interval', v_price.interval,
      'interval_count', v_price.interval_count
    ),
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

comment on function private.begin_checkout(uuid, text, text, text, text, text, boolean, timestamptz) is
  'Begins the user''s one checkout or answers the open one: {attempt, session_id, url, email, price, trial_days, customer_id, coupon}; or {expire_session, provider}.';

revoke all on function private.begin_checkout from public, anon, authenticated, service_role;

-- Notes the session that the provider made for an attempt, and reserves the coupon for
-- it. False where the attempt is no longer the user's: that session is to be expired. From
-- now on a subscription of PayPal is known as one that we created.
create function private.open_checkout(attempt uuid, session_id text, url text, expires_at timestamptz, as_of timestamptz)
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_open record;
begin
  update private.checkouts as c
  set session_id = open_checkout.session_id,
      url = open_checkout.url,
      expires_at = open_checkout.expires_at
  where c.attempt = open_checkout.attempt
  returning c.user_id, c.provider, c.price_id, c.user_coupon_id into v_open;

  if not found then
    return false;
  end if;

  update public.user_coupons as uc
  set checkout_session_id = open_checkout.session_id
  where uc.id = v_open.user_coupon_id
    and uc.applied_at is null;

  if v_open.provider = 'paypal' then
    insert into private.known_subscriptions (provider, subscription_id, user_id, price_id, opened_at)
    values ('paypal', open_checkout.session_id, v_open.user_id, v_open.price_id, open_checkout.as_of)
    on conflict do nothing;
  end if;

  return true;
end;
$$;

comment on function private.open_checkout(uuid, text, text, timestamptz, timestamptz) is
  'Notes the provider''s session of a checkout attempt; false where another attempt has replaced it.';

revoke all on function private.open_checkout from public, anon, authenticated, service_role;

-- A provider answers a request that it refused in the same way again, under the same
-- idempotency key: the next try needs a new attempt.
create function private.drop_checkout(attempt uuid)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  delete from private.checkouts as c
  where c.attempt = drop_checkout.attempt
    and c.session_id is null;
end;
$$;

comment on function private.drop_checkout(uuid) is 'Forgets a checkout attempt that has no session.';

revoke all on function private.drop_checkout from public, anon, authenticated, service_role;

-- Closes a checkout. Its coupon is spent when it completed and free again when it did
-- not, and stays reserved, with null, while the money is under way. A session that is not
-- the one that reserved it changes nothing of it.
create function private.end_checkout(user_id uuid, session_id text, completed boolean, as_of timestamptz)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  update public.user_coupons as uc
  set applied_at = case when end_checkout.completed then end_checkout.as_of end,
      checkout_session_id = case when end_checkout.completed then uc.checkout_session_id end
  where uc.user_id = end_checkout.user_id
    and uc.checkout_session_id = end_checkout.session_id
    and uc.applied_at is null
    and end_checkout.completed is not null;

  delete from private.checkouts as c
  where c.user_id = end_checkout.user_id
    and c.session_id = end_checkout.session_id;
end;
$$;

comment on function private.end_checkout(uuid, text, boolean, timestamptz) is
  'Closes a checkout: spends the coupon it reserved, or frees it, or with null leaves it reserved.';

revoke all on function private.end_checkout from public, anon, authenticated, service_role;

-- ---------------------------------------------------------------- by an operator

-- One manual subscription a user: granting again moves it, an end in the past ends it.
create function private.grant_premium(user_id uuid, plan_type text, until timestamptz, as_of timestamptz)
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
    grant_premium.as_of,
    grant_premium.until,
    grant_premium.until
  )
  on conflict (provider, provider_subscription_id) do update
    set plan_type = excluded.plan_type,
        current_period_end = excluded.current_period_end,
        cancel_at = excluded.cancel_at,
        ended_at = null,
        revoked_at = null,
        status = 'active';

  return private.account_document(grant_premium.user_id);
end;
$$;

comment on function private.grant_premium(uuid, text, timestamptz, timestamptz) is
  'Makes a user premium until a time by a manual subscription; returns the account.';

revoke all on function private.grant_premium from public, anon, authenticated, service_role;

-- An operator's word against a provider's: a revoked subscription entitles to nothing until it
-- is reinstated.
create function private.change_revocation(subscription_id uuid, reason text, is_revoked boolean, as_of timestamptz)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid;
begin
  select s.user_id
  into v_user_id
  from public.subscriptions as s
  where s.id = change_revocation.subscription_id;

  if not found then
    perform private.raise_error(
      'invalid_argument', 'No subscription has this id.',
      jsonb_build_object('argument', 'subscription_id', 'value', change_revocation.subscription_id)
    );
  elsif change_revocation.is_revoked and coalesce(btrim(change_revocation.reason), '') = '' then
    perform private.raise_error('invalid_argument', 'Say why it is revoked.', '{"argument": "reason"}');
  elsif char_length(change_revocation.reason) > 4000 then
    perform private.raise_error(
      'invalid_argument', 'The reason is too long: shorten it.', '{"argument": "reason", "maximum": 4000}'
    );
  end if;

  perform
  from public.users as u
  where u.id = v_user_id
  for no key update;

  perform private.set_revoked(change_revocation.subscription_id, change_revocation.is_revoked, change_revocation.as_of);

  if change_revocation.is_revoked then
    update private.entitlement_lapses as l
    set reason = change_revocation.reason
    where l.subscription_id = change_revocation.subscription_id
      and l.cause = 'revoked'
      and l.lapsed_until is null;
  end if;

  return private.account_document(v_user_id);
end;
$$;

comment on function private.change_revocation(uuid, text, boolean, timestamptz) is
  'Revokes a subscription with a reason, or reinstates it; returns the account.';

revoke all on function private.change_revocation from public, anon, authenticated, service_role;
