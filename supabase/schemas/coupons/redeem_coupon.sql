-- One statement takes a use of the coupon and writes the redemption: the update finds only a coupon that has a use
-- left, the insert takes the row that it returns, and the coupon stays locked only from there to the commit. The
-- reason of a refusal is looked up afterwards, when nothing depends on it any more.
--
-- The user's own row is locked first, where no other user waits. So requests that one user sends at once run one
-- after the other, each seeing the result of the one before, and the account cannot be deleted in between. The
-- unique key would refuse a second redemption in any case.
create function private.redeem_coupon(user_id uuid, code text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_refusal jsonb := private.count_coupon_attempt(redeem_coupon.user_id);
  v_code text := private.normalize_coupon_code(redeem_coupon.code);
  v_coupon jsonb;
begin
  if v_refusal is not null then
    return v_refusal;
  end if;

  if not private.lock_account(redeem_coupon.user_id) then
    return private.error_result('user_not_found', 'No account has this id.');
  end if;

  with taken as (
    update public.coupons as c
    set current_uses = c.current_uses + 1
    where c.code = v_code
      and c.is_active
      and (c.expiration_date > now() or c.expiration_date is null)
      and (c.current_uses < c.max_uses or c.max_uses is null)
      and not exists (
        select
        from public.user_coupons as r
        where r.user_id = redeem_coupon.user_id
          and r.coupon_id = c.id
      )
    returning c.id, private.coupon_document(c) as document
  ),
  redeemed as (
    insert into public.user_coupons (user_id, coupon_id)
    select redeem_coupon.user_id, t.id
    from taken as t
  )
  select t.document
  into v_coupon
  from taken as t;

  if found then
    return jsonb_build_object('ok', true, 'coupon', v_coupon);
  end if;

  -- The reason may have disappeared since the update, where another transaction has made room. The code is refused
  -- all the same.
  return coalesce(
    private.coupon_refusal(redeem_coupon.user_id, redeem_coupon.code),
    private.error_result('coupon_exhausted', 'All uses of this coupon were taken just now: try once more.')
  );
end;
$$;

create function public.redeem_coupon(user_id uuid, code text)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.redeem_coupon(user_id, code);
end;

comment on function public.redeem_coupon(uuid, text) is
  'Redeems a code for a user: {ok: true, coupon} or {ok: false, error}. Ten attempts in ten minutes, previews included. For the edge function.';

revoke all on function private.redeem_coupon, public.redeem_coupon from public, anon, authenticated, service_role;
grant execute on function private.redeem_coupon, public.redeem_coupon to service_role;
