-- Whether this user is premium now; false for an unknown user.
create function private.is_premium(user_id uuid)
returns boolean
language sql
stable
security definer
set search_path = ''
begin atomic
  select exists (
    select
    from public.users as u
    where u.id = is_premium.user_id
      and private.is_premium_until(u.premium_until)
  );
end;

revoke all on function private.is_premium from public, anon, authenticated, service_role;
