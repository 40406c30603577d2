-- Upper case without surrounding white space, so that typing does not matter. Only ASCII letters change: a code
-- has no others.
create function private.normalize_coupon_code(code text)
returns text
language sql
immutable
security invoker
set search_path = ''
return upper(btrim(normalize_coupon_code.code, E' \t\n\v\f\r\u00a0') collate "C");

comment on function private.normalize_coupon_code(text) is
  'A code as coupons hold it: upper case, without surrounding space.';

revoke all on function private.normalize_coupon_code from public, anon, authenticated, service_role;
