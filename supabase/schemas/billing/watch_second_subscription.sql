-- Flags each running subscription of a user beyond the first, while both run, and resolves the flags of those that
-- ended.
create function private.watch_second_subscription(user_id uuid, as_of timestamptz)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_running record;
  v_count integer := 0;
begin
  for v_running in
    select s.id, s.provider, s.provider_subscription_id
    from public.subscriptions as s
    where s.user_id = watch_second_subscription.user_id
      and s.provider <> 'manual'
      and private.is_running(s.status)
    order by s.created_at, s.id
  loop
    v_count := v_count + 1;
    continue when v_count = 1;
    perform private.raise_flag(
      'second_subscription',
      v_running.provider,
      v_running.provider_subscription_id,
      watch_second_subscription.user_id,
      'The user has another running subscription and is charged for both.',
      watch_second_subscription.as_of,
      true
    );
  end loop;

  update private.billing_flags as f
  set resolved_at = watch_second_subscription.as_of
  where f.kind = 'second_subscription'
    and f.user_id = watch_second_subscription.user_id
    and f.resolved_at is null
    and (
      v_count <= 1
      or not exists (
        select
        from public.subscriptions as s
        where s.provider = f.provider
          and s.provider_subscription_id = f.reference
          and private.is_running(s.status)
      )
    );
end;
$$;

revoke all on function private.watch_second_subscription from public, anon, authenticated, service_role;
