-- Begins the user's one checkout, or returns the open one: {attempt, session_id, url, email, price, trial_days,
-- customer_id, coupon}. The provider is called after this transaction, not within it. `attempt` is the idempotency
-- key of that call, so two requests for the same thing at once get the same session. Where a session is open for
-- something else, or without a coupon that the user has by now, nothing is begun and {expire_session, provider} is
-- returned: that session must be closed at the provider first, where it may turn out to have completed meanwhile.
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
  -- Lock the user's row, so that two requests at once begin one checkout.
  select u.email
  into v_email
  from public.users as u
  where u.id = begin_checkout.user_id
  for no key update;

  if not found then
    perform private.raise_error('email_required', 'Add an email to the account first: a receipt needs one.');
  end if;

  -- Check what is sold.
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

  -- Check its price.
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
      'This plan or pack has no such price: choose another currency or payment provider.',
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

  -- Check that no other subscription runs. A pack may be bought beside a subscription.
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

  -- Read the open checkout.
  select c.*
  into v_open
  from private.checkouts as c
  where c.user_id = begin_checkout.user_id;

  -- Choose the coupon: the one that the open checkout has reserved, or the oldest. Coupons apply to plans only.
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
          'Coupons do not apply to PayPal: pay by card to use yours, or confirm that you do not want to use it.',
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

  -- Write a new checkout, unless the open one is for the same.
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

  -- Answer.
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

create function public.begin_checkout(
  user_id uuid,
  provider text,
  fingerprint text,
  plan_type text default null,
  pack_type text default null,
  currency text default null,
  ignore_coupon boolean default false
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.begin_checkout(
    user_id, provider, fingerprint, plan_type, pack_type, currency, ignore_coupon, now()
  );
end;

comment on function public.begin_checkout(uuid, text, text, text, text, text, boolean) is
  'Internal to the checkouts. Begins the user''s one checkout or answers the open one.';

revoke all on function private.begin_checkout, public.begin_checkout from public, anon, authenticated, service_role;
grant execute on function private.begin_checkout, public.begin_checkout to service_role;
