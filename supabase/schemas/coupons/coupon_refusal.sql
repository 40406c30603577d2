-- Returns why a user cannot redeem this code now, as an error value; null where they can. A coupon that is switched
-- off gives the same error as one that does not exist, so attempts reveal nothing about it.
create function private.coupon_refusal(user_id uuid, code text)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_coupon public.coupons;
begin
  if coupon_refusal.code is null then
    return private.error_result('invalid_argument', 'Give a code.', '{"argument": "code"}');
  end if;

  select c.*
  into v_coupon
  from public.coupons as c
  where c.code = private.normalize_coupon_code(coupon_refusal.code)
    and c.is_active;

  if not found then
    return private.error_result('coupon_not_found', 'No coupon has this code: check the spelling.');
  elsif exists (
    select
    from public.user_coupons as r
    where r.user_id = coupon_refusal.user_id
      and r.coupon_id = v_coupon.id
  ) then
    return private.error_result('coupon_already_redeemed', 'You have redeemed this coupon before.');
  elsif v_coupon.expiration_date <= now() then
    return private.error_result(
      'coupon_expired', 'This coupon has expired.', jsonb_build_object('expires_at', v_coupon.expiration_date)
    );
  elsif v_coupon.current_uses >= v_coupon.max_uses then
    return private.error_result('coupon_exhausted', 'All uses of this coupon are taken.');
  end if;

  return null;
end;
$$;

revoke all on function private.coupon_refusal from public, anon, authenticated, service_role;
