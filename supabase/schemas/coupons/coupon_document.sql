-- What somebody who holds a code may know of the coupon. How often it may be used, and
-- has been, is not for them.
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

comment on function private.coupon_document(public.coupons) is
  'A coupon as a user sees it: {code, discount_percent, description, expires_at}.';

revoke all on function private.coupon_document from public, anon, authenticated, service_role;
