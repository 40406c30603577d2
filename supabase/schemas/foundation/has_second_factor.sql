create function private.has_second_factor(user_id uuid)
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return exists (
    select
    from auth.mfa_factors as f
    where f.user_id = has_second_factor.user_id
      and f.status = 'verified'
  );
end;
$$;

create function public.has_second_factor(user_id uuid)
returns boolean
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.has_second_factor(user_id);
end;

comment on function public.has_second_factor(uuid) is
  'Internal, for edge functions: whether this user has a verified second factor. Whether the session was opened with it is in its token.';

revoke all on function private.has_second_factor, public.has_second_factor
  from public, anon, authenticated, service_role;
grant execute on function private.has_second_factor, public.has_second_factor to service_role;
