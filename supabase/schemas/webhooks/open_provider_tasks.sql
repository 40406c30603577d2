create function private.open_provider_tasks(page_size integer, as_of timestamptz)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return (
    select coalesce(
      jsonb_agg(
        jsonb_build_object(
          'id', t.id, 'provider', t.provider, 'subscription_id', t.subscription_id, 'action', t.action, 'reason', t.reason,
          'requested_at', t.requested_at, 'attempts', t.attempts, 'email', t.email
        )
        order by t.id
      ),
      '[]'
    )
    from (
      select
        k.id, k.provider, k.subscription_id, k.action, k.reason, k.requested_at, k.attempts,
        (select u.email from public.users as u where u.id = k.user_id and k.action = 'email') as email
      from private.provider_tasks as k
      where k.done_at is null
        and (k.retry_at is null or k.retry_at <= open_provider_tasks.as_of)
      order by k.id
      limit least(greatest(coalesce(open_provider_tasks.page_size, 100), 1), 1000)
    ) as t
  );
end;
$$;

create function public.open_provider_tasks(page_size integer default 100)
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.open_provider_tasks(page_size, now());
end;

comment on function public.open_provider_tasks(integer) is
  'Internal. The tasks that are still to be done at a provider: [{id, provider, subscription_id, action, reason, requested_at, attempts, email}].';

revoke all on function private.open_provider_tasks, public.open_provider_tasks
  from public, anon, authenticated, service_role;
grant execute on function private.open_provider_tasks, public.open_provider_tasks to service_role;
