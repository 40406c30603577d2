-- Records an event, applies what it means and settles it, all or nothing. The event's own row is written last,
-- because locks are taken in the order user, subscription, rest.
create function private.record_webhook_event(
  provider text,
  event_id text,
  type text,
  created timestamptz,
  livemode boolean,
  payload jsonb,
  effect jsonb,
  read_number bigint,
  as_of timestamptz
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_result jsonb;
  v_outcome text;
  v_keys text[];
  v_retried jsonb;
begin
  if exists (
    select
    from private.webhook_events as e
    where e.provider = record_webhook_event.provider
      and e.event_id = record_webhook_event.event_id
      and e.status in ('processed', 'ignored')
  ) then
    return '{"status": "duplicate"}';
  end if;

  perform private.lock_billing_customer(
    record_webhook_event.provider,
    coalesce(
      effect ->> 'customer_id', effect -> 'snapshot' ->> 'customer_id', effect -> 'purchase' ->> 'customer_id',
      effect -> 'snapshots' -> 0 ->> 'customer_id'
    )
  );

  v_result := private.apply_effect(
    record_webhook_event.provider, record_webhook_event.effect, record_webhook_event.read_number, record_webhook_event.as_of
  );
  v_outcome := v_result ->> 'outcome';

  insert into private.webhook_events as e (
    provider, event_id, type, created, livemode, status, error, payload, effect, read_number, waits_for, retry_at, user_id,
    received_at, settled_at
  )
  values (
    record_webhook_event.provider,
    record_webhook_event.event_id,
    record_webhook_event.type,
    record_webhook_event.created,
    record_webhook_event.livemode,
    v_outcome,
    v_result ->> 'reason',
    record_webhook_event.payload,
    case when v_outcome = 'parked' then record_webhook_event.effect end,
    record_webhook_event.read_number,
    v_result ->> 'waits_for',
    case when v_outcome = 'parked' then record_webhook_event.as_of + interval '15 minutes' end,
    (v_result ->> 'user_id')::uuid,
    record_webhook_event.as_of,
    case when v_outcome <> 'parked' then record_webhook_event.as_of end
  )
  on conflict on constraint webhook_events_pkey do update
    set status = excluded.status,
        error = excluded.error,
        effect = excluded.effect,
        read_number = excluded.read_number,
        waits_for = excluded.waits_for,
        retry_at = excluded.retry_at,
        user_id = excluded.user_id,
        settled_at = excluded.settled_at,
        attempts = e.attempts + 1
    where e.status not in ('processed', 'ignored');

  if not found then
    return '{"status": "duplicate"}';
  end if;

  -- This event may have brought what parked events wait for.
  if v_outcome = 'processed' then
    v_keys := private.effect_keys(record_webhook_event.provider, record_webhook_event.effect, (v_result ->> 'user_id')::uuid);

    if exists (
      select
      from private.webhook_events as e
      where e.status = 'parked'
        and e.waits_for = any (v_keys)
        and e.provider = record_webhook_event.provider
    ) then
      v_retried := private.retry_parked(record_webhook_event.provider, v_keys, 100, record_webhook_event.as_of);
    end if;
  end if;

  return jsonb_build_object(
    'status', v_outcome,
    'reason', v_result ->> 'reason',
    'user_id', v_result ->> 'user_id',
    'tasks', coalesce(v_result -> 'tasks', '[]') || coalesce(v_retried -> 'tasks', '[]')
  );
end;
$$;

create function public.record_webhook_event(
  provider text,
  event_id text,
  type text,
  created timestamptz,
  livemode boolean,
  payload jsonb,
  effect jsonb,
  read_number bigint
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.record_webhook_event(
    provider, event_id, type, created, livemode, payload, effect, read_number, now()
  );
end;

comment on function public.record_webhook_event(text, text, text, timestamptz, boolean, jsonb, jsonb, bigint) is
  'Internal to the webhooks. Records an event with its effect, in one transaction: {status, reason, user_id, tasks}.';

revoke all on function private.record_webhook_event, public.record_webhook_event
  from public, anon, authenticated, service_role;
grant execute on function private.record_webhook_event, public.record_webhook_event to service_role;
