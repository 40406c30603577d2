-- Records a failed event, so that a retry or a replay can finish it. An event that is settled or parked stays so.
create function private.fail_webhook_event(
  provider text,
  event_id text,
  type text,
  created timestamptz,
  livemode boolean,
  payload jsonb,
  error text,
  as_of timestamptz
)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  insert into private.webhook_events as e (provider, event_id, type, created, livemode, status, error, payload, received_at)
  values (
    fail_webhook_event.provider,
    fail_webhook_event.event_id,
    fail_webhook_event.type,
    fail_webhook_event.created,
    fail_webhook_event.livemode,
    'failed',
    left(fail_webhook_event.error, 1000),
    fail_webhook_event.payload,
    fail_webhook_event.as_of
  )
  on conflict on constraint webhook_events_pkey do update
    set status = 'failed',
        error = excluded.error,
        attempts = e.attempts + 1
    where e.status = 'failed';
end;
$$;

create function public.fail_webhook_event(
  provider text,
  event_id text,
  type text,
  created timestamptz,
  livemode boolean,
  payload jsonb,
  error text
)
returns void
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.fail_webhook_event(provider, event_id, type, created, livemode, payload, error, now());
end;

comment on function public.fail_webhook_event(text, text, text, timestamptz, boolean, jsonb, text) is
  'Internal to the webhooks. Records an event as failed.';

revoke all on function private.fail_webhook_event, public.fail_webhook_event
  from public, anon, authenticated, service_role;
grant execute on function private.fail_webhook_event, public.fail_webhook_event to service_role;
