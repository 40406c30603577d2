-- A code as public.coupons stores it: upper case without surrounding white space, so that typing does not matter.
-- Only ASCII letters change, because a code has no others.
create function private.normalize_coupon_code(code text)
returns text
language sql
immutable
security invoker
set search_path = ''
return upper(btrim(normalize_coupon_code.code, E' \t\n\v\f\r\u00a0') collate "C");

revoke all on function private.normalize_coupon_code from public, anon, authenticated, service_role;
