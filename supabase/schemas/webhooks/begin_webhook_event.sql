-- Writes no row: the number only orders reads, and a duplicate event needs no read at all.
create function private.begin_webhook_event(provider text, event_id text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if exists (
    select
    from private.webhook_events as e
    where e.provider = begin_webhook_event.provider
      and e.event_id = begin_webhook_event.event_id
      and e.status in ('processed', 'ignored')
  ) then
    return '{"status": "duplicate"}';
  end if;

  -- As text, so that JavaScript cannot round the number.
  return jsonb_build_object('status', 'received', 'read_number', nextval('private.read_numbers')::text);
end;
$$;

create function public.begin_webhook_event(provider text, event_id text)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.begin_webhook_event(provider, event_id);
end;

comment on function public.begin_webhook_event(text, text) is
  'Internal to the webhooks. Draws the number of the read that an event causes: {status: received, read_number}, or {status: duplicate}.';

revoke all on function private.begin_webhook_event, public.begin_webhook_event
  from public, anon, authenticated, service_role;
grant execute on function private.begin_webhook_event, public.begin_webhook_event to service_role;
