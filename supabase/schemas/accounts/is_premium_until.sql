-- The only rule that decides who is premium: the given end of premium lies in the future. Null means not premium.
create function private.is_premium_until(premium_until timestamptz)
returns boolean
language sql
stable
security invoker
set search_path = ''
return coalesce(is_premium_until.premium_until > now(), false);

revoke all on function private.is_premium_until from public, anon, authenticated, service_role;
