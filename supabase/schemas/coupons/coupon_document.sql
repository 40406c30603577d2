-- What a user who has the code may see of a coupon: {code, discount_percent, description, expires_at}. How often it
-- may be used, and has been, is left out.
create function private.coupon_document(coupon public.coupons)
returns jsonb
language sql
stable
security invoker
set search_path = ''
return jsonb_build_object(
  'code', (coupon_document.coupon).code,
  'discount_percent', (coupon_document.coupon).discount_percent,
  'description', (coupon_document.coupon).description,
  'expires_at', (coupon_document.coupon).expiration_date
);

revoke all on function private.coupon_document from public, anon, authenticated, service_role;
