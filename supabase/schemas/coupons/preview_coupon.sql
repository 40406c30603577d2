create function private.preview_coupon(user_id uuid, code text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_refusal jsonb := private.count_coupon_attempt(preview_coupon.user_id);
  v_coupon jsonb;
begin
  if v_refusal is not null then
    return v_refusal;
  end if;

  v_refusal := private.coupon_refusal(preview_coupon.user_id, preview_coupon.code);

  if v_refusal is not null then
    return v_refusal;
  end if;

  select private.coupon_document(c)
  into v_coupon
  from public.coupons as c
  where c.code = private.normalize_coupon_code(preview_coupon.code);

  return jsonb_build_object('ok', true, 'coupon', v_coupon);
end;
$$;

create function public.preview_coupon(user_id uuid, code text)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.preview_coupon(user_id, code);
end;

comment on function public.preview_coupon(uuid, text) is
  'What redeeming a code would give a user: {ok: true, coupon} or {ok: false, error}. Counts as an attempt and redeems nothing.';

revoke all on function private.preview_coupon, public.preview_coupon from public, anon, authenticated, service_role;
grant execute on function private.preview_coupon, public.preview_coupon to service_role;
