-- Records the session that the provider created for an attempt, and reserves the coupon for it. Returns false where
-- another attempt has replaced this one: the session must be closed then. From now on a PayPal subscription is known
-- as one that we created.
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

create function public.open_checkout(attempt uuid, session_id text, url text, expires_at timestamptz)
returns boolean
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.open_checkout(attempt, session_id, url, expires_at, now());
end;

comment on function public.open_checkout(uuid, text, text, timestamptz) is
  'Internal to the checkouts. Records the provider''s session of an attempt; false where another attempt has replaced it.';

revoke all on function private.open_checkout, public.open_checkout from public, anon, authenticated, service_role;
grant execute on function private.open_checkout, public.open_checkout to service_role;
