create function private.finish_provider_task(id bigint, error text, as_of timestamptz)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  update private.provider_tasks as t
  set attempts = t.attempts + 1,
      error = left(finish_provider_task.error, 1000),
      done_at = case when finish_provider_task.error is null then finish_provider_task.as_of end,
      retry_at = finish_provider_task.as_of + least(interval '15 minutes' * power(2, least(t.attempts, 10)), interval '1 day')
  where t.id = finish_provider_task.id
    and t.done_at is null;
end;
$$;

create function public.finish_provider_task(id bigint, error text default null)
returns void
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.finish_provider_task(id, error, now());
end;

comment on function public.finish_provider_task(bigint, text) is
  'Internal. Marks a task as done, or counts its failure so that it is tried again later.';

revoke all on function private.finish_provider_task, public.finish_provider_task
  from public, anon, authenticated, service_role;
grant execute on function private.finish_provider_task, public.finish_provider_task to service_role;
