-- Closes a checkout. Its coupon is spent if the checkout completed and free again if it did not; with null, while
-- the payment is pending, it stays reserved. A session that did not reserve the coupon changes nothing of it.
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

create function public.end_checkout(user_id uuid, session_id text, completed boolean)
returns void
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.end_checkout(user_id, session_id, completed, now());
end;

comment on function public.end_checkout(uuid, text, boolean) is
  'Internal to the checkouts. Closes a session: its coupon is spent, free again, or with null still reserved.';

revoke all on function private.end_checkout, public.end_checkout from public, anon, authenticated, service_role;
grant execute on function private.end_checkout, public.end_checkout to service_role;
