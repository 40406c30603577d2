-- Requests that something is done at a provider, once while it is open; returns the task in an array.
create function private.request_task(
  provider text,
  subscription_id text,
  action text,
  user_id uuid,
  reason text,
  as_of timestamptz
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_task record;
begin
  insert into private.provider_tasks as t (provider, subscription_id, action, user_id, reason, requested_at)
  values (
    request_task.provider,
    request_task.subscription_id,
    request_task.action,
    request_task.user_id,
    request_task.reason,
    request_task.as_of
  )
  on conflict (provider, subscription_id, action) where done_at is null do update
    set reason = excluded.reason
  returning t.id, t.requested_at, t.attempts into v_task;

  return jsonb_build_array(jsonb_build_object(
    'id', v_task.id,
    'provider', request_task.provider,
    'subscription_id', request_task.subscription_id,
    'action', request_task.action,
    'reason', request_task.reason,
    'requested_at', v_task.requested_at,
    'attempts', v_task.attempts
  ));
end;
$$;

revoke all on function private.request_task from public, anon, authenticated, service_role;
