-- Does what becomes due by time alone. Each part finds its rows by an index, takes a bounded number of them and
-- skips locked ones, so it costs almost nothing when nothing is due, and no user waits for it. A scheduled job calls
-- it; calling it more often is always allowed. A part that fails writes a warning and does not stop the others.
create function private.sweep(as_of timestamptz)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
set lock_timeout = '500ms'
as $$
declare
  v_retried jsonb := '{}';
  v_swept jsonb := '{}';
  v_ledger jsonb := '[]';
  v_abandoned integer := 0;
  v_deleted integer := 0;
  v_unlinked integer := 0;
  v_archived integer := 0;
  v_rows integer;
  v_failures integer := 0;
begin
  -- Two sweeps at once would only skip each other's rows.
  if not pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended('private.sweep', 0)) then
    return jsonb_build_object(
      'retried', 0, 'abandoned', 0, 'ended', 0, 'months_granted', 0, 'unlinked', 0, 'deleted', 0, 'failures', 0,
      'ledger_disagreements', '[]'::jsonb
    );
  end if;

  begin
    v_retried := private.retry_parked(null, null, 50, sweep.as_of);
  exception
    when others then
      v_failures := v_failures + 1;
      raise warning 'the sweep could not retry parked events: % (%)', sqlerrm, sqlstate;
  end;

  begin
    update private.webhook_events as e
    set status = 'abandoned',
        settled_at = sweep.as_of
    from (
      select w.provider, w.event_id
      from private.webhook_events as w
      where w.status = 'parked'
        and w.received_at < sweep.as_of - interval '30 days'
      order by w.received_at
      limit 200
      for update skip locked
    ) as due
    where e.provider = due.provider
      and e.event_id = due.event_id;
    get diagnostics v_abandoned = row_count;

    -- No provider retries for as long as ninety days.
    delete from private.webhook_events as e
    using (
      select w.provider, w.event_id
      from private.webhook_events as w
      where w.status in ('processed', 'ignored')
        and w.settled_at < sweep.as_of - interval '90 days'
      order by w.settled_at
      limit 1000
      for update skip locked
    ) as due
    where e.provider = due.provider
      and e.event_id = due.event_id;
    get diagnostics v_deleted = row_count;

    v_rows := private.sweep_attempts();

    update public.users as u
    set is_premium = private.is_premium_until(u.premium_until)
    from (
      select w.id
      from public.users as w
      where w.is_premium
        and w.premium_until <= now()
      order by w.premium_until
      limit 200
      for no key update skip locked
    ) as stale
    where u.id = stale.id;
  exception
    when others then
      v_failures := v_failures + 1;
      raise warning 'the sweep could not clean up: % (%)', sqlerrm, sqlstate;
  end;

  begin
    v_unlinked := private.unlink_deleted_sources(1000) + private.unlink_deleted_indicators(5000);
  exception
    when others then
      v_failures := v_failures + 1;
      raise warning 'the sweep could not unlink what refers to deleted indicators and strategies: % (%)', sqlerrm, sqlstate;
  end;

  begin
    v_ledger := private.sweep_ledger(2000, 100, sweep.as_of);
  exception
    when others then
      v_failures := v_failures + 1;
      raise warning 'the sweep could not check the ledger: % (%)', sqlerrm, sqlstate;
  end;

  begin
    v_archived := private.sweep_archive(1000, 100);
  exception
    when others then
      v_failures := v_failures + 1;
      raise warning 'the sweep could not archive the ledger and the audit trail: % (%)', sqlerrm, sqlstate;
  end;

  -- Last, and few: a user may wait for these rows until this transaction ends.
  v_swept := private.sweep_subscriptions(20, sweep.as_of);

  return jsonb_build_object(
    'retried', coalesce((v_retried ->> 'retried')::integer, 0),
    'abandoned', v_abandoned,
    'ended', v_swept -> 'ended',
    'months_granted', v_swept -> 'months_granted',
    'unlinked', v_unlinked,
    'deleted', v_deleted + v_archived,
    'failures', v_failures + coalesce((v_retried ->> 'failures')::integer, 0) + (v_swept ->> 'failures')::integer,
    'ledger_disagreements', v_ledger
  );
end;
$$;

create function public.sweep()
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.sweep(now());
end;

comment on function public.sweep() is
  'Does what time alone has made due, a bounded number of rows per run: {retried, abandoned, ended, months_granted, unlinked, deleted, failures, ledger_disagreements}. For a scheduled job, and for npm run sweep where there is none.';

revoke all on function private.sweep, public.sweep from public, anon, authenticated, service_role;
grant execute on function private.sweep, public.sweep to service_role;
