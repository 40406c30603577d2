-- Applies parked events again, in the order of their reads: those that wait for one of the keys, or with null those
-- that are due. Returns {retried, failures, tasks}. An event that another transaction is settling is skipped. An
-- event that stays parked is tried again after longer and longer times, at least once a day.
create function private.retry_parked(provider text, keys text[], max_events integer, as_of timestamptz)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_event record;
  v_result jsonb;
  v_retried integer := 0;
  v_failures integer := 0;
  v_tasks jsonb := '[]';
begin
  for v_event in
    select e.provider, e.event_id, e.effect, e.read_number
    from private.webhook_events as e
    where e.status = 'parked'
      and e.effect ->> 'kind' <> 'parked'
      and (
        (retry_parked.keys is null and e.retry_at <= retry_parked.as_of)
        or (e.waits_for = any (retry_parked.keys) and e.provider = retry_parked.provider)
      )
    order by e.read_number
    limit retry_parked.max_events
    for update skip locked
  loop
    begin
      v_result := private.apply_effect(v_event.provider, v_event.effect, v_event.read_number, retry_parked.as_of);
    exception
      -- One event that raises an error must not stop the others.
      when others then
        v_result := jsonb_build_object('outcome', 'parked', 'reason', format('It failed again: %s (%s)', sqlerrm, sqlstate));
        v_failures := v_failures + 1;
    end;

    update private.webhook_events as e
    set status = v_result ->> 'outcome',
        error = v_result ->> 'reason',
        waits_for = coalesce(v_result ->> 'waits_for', e.waits_for),
        user_id = coalesce((v_result ->> 'user_id')::uuid, e.user_id),
        attempts = e.attempts + 1,
        effect = case when v_result ->> 'outcome' = 'parked' then e.effect end,
        retry_at = retry_parked.as_of + least(interval '15 minutes' * power(2, least(e.attempts, 10)), interval '1 day'),
        settled_at = case when v_result ->> 'outcome' <> 'parked' then retry_parked.as_of end
    where e.provider = v_event.provider
      and e.event_id = v_event.event_id;

    v_tasks := v_tasks || coalesce(v_result -> 'tasks', '[]');
    if v_result ->> 'outcome' <> 'parked' then
      v_retried := v_retried + 1;
    end if;
  end loop;

  return jsonb_build_object('retried', v_retried, 'failures', v_failures, 'tasks', v_tasks);
end;
$$;

-- Applies the parked events that waited for a price which is added now, 200 at most; the sweep applies the rest.
create function private.follow_price()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_price record;
begin
  for v_price in
    select n.provider, n.provider_price_id
    from new_prices as n
  loop
    update private.webhook_events as e
    set retry_at = now()
    where e.status = 'parked'
      and e.provider = v_price.provider
      and e.waits_for = 'price:' || v_price.provider_price_id;

    if found then
      perform private.retry_parked(v_price.provider, array['price:' || v_price.provider_price_id], 200, now());
    end if;
  end loop;
  return null;
end;
$$;

create trigger prices_apply_parked_events
  after insert on public.prices
  referencing new table as new_prices
  for each statement
  execute function private.follow_price();

revoke all on function private.retry_parked, private.follow_price from public, anon, authenticated, service_role;
