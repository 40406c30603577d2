-- Returns what a replay must finish: failed events, and parked ones whose object the provider did not have yet,
-- because only a read can find out whether it has it now; or the one event that is named.
create function private.unsettled_webhook_events(provider text, event_id text, as_of timestamptz)
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
          'provider', t.provider, 'event_id', t.event_id, 'type', t.type, 'status', t.status,
          'attempts', t.attempts, 'error', t.error, 'payload', t.payload
        )
        order by t.created, t.event_id
      ),
      '[]'
    )
    from (
      select e.provider, e.event_id, e.type, e.status, e.attempts, e.error, e.payload, e.created
      from private.webhook_events as e
      where e.status in ('failed', 'parked', 'abandoned')
        and (unsettled_webhook_events.provider is null or e.provider = unsettled_webhook_events.provider)
        and (unsettled_webhook_events.event_id is null or e.event_id = unsettled_webhook_events.event_id)
        and (
          e.status = 'failed'
          or (e.status = 'parked' and e.effect ->> 'kind' = 'parked' and e.retry_at <= unsettled_webhook_events.as_of)
          or unsettled_webhook_events.event_id is not null
        )
      order by e.received_at
      limit 1000
    ) as t
  );
end;
$$;

create function public.unsettled_webhook_events(provider text default null, event_id text default null)
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.unsettled_webhook_events(provider, event_id, now());
end;

comment on function public.unsettled_webhook_events(text, text) is
  'For a replay: events that failed or wait for an object of the provider, or the one that is named.';

revoke all on function private.unsettled_webhook_events, public.unsettled_webhook_events
  from public, anon, authenticated, service_role;
grant execute on function private.unsettled_webhook_events, public.unsettled_webhook_events to service_role;
