-- The only place that decides who is premium.
create function private.is_premium_until(premium_until timestamptz)
returns boolean
language sql
stable
security invoker
set search_path = ''
return coalesce(is_premium_until.premium_until > now(), false);

comment on function private.is_premium_until(timestamptz) is
  'True while the given end of premium lies in the future; false for null.';

revoke all on function private.is_premium_until from public, anon, authenticated, service_role;
