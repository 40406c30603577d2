-- Made from supabase/schemas/sweep/ by `npm run db:diff -- --first`: change it there.

-- How far the ledger check and the archive have come.
create table private.sweep_state (
  is_only boolean primary key default true,
  ledger_id bigint not null default 0,
  user_id uuid not null default '00000000-0000-0000-0000-000000000000',
  archive_user_id uuid not null default '00000000-0000-0000-0000-000000000000',
  swept_at timestamptz,
  installed_at timestamptz not null default now(),
  constraint sweep_state_is_only check (is_only)
);

comment on table private.sweep_state is 'One row: how far the sweep has checked the ledger, which account it archived last, and when it last ran.';

revoke all on private.sweep_state from public, anon, authenticated, service_role;

-- Once a day, reads everything of the last two days again; otherwise a user would be the first to notice an event
-- that was lost. Only edge functions have the providers' keys, so sync-subscription is called. Its address and the
-- project's secret key are two secrets in Vault. Without them, or without pg_net, this returns false, and npm run
-- billing:reconcile does the same work.
create function private.call_reconcile()
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_url text;
  v_key text;
begin
  select s.decrypted_secret into v_url from vault.decrypted_secrets as s where s.name = 'functions_url';
  select s.decrypted_secret into v_key from vault.decrypted_secrets as s where s.name = 'functions_secret_key';

  if v_url is null
    or v_key is null
    or not exists (select from pg_catalog.pg_extension as e where e.extname = 'pg_net')
  then
    return false;
  end if;

  perform net.http_post(
    url => rtrim(v_url, '/') || '/sync-subscription',
    headers => jsonb_build_object('apikey', v_key, 'content-type', 'application/json'),
    body => jsonb_build_object(
      'since', to_char((now() - interval '2 days') at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    ),
    timeout_milliseconds => 150000
  );
  return true;
end;
$$;

revoke all on function private.call_reconcile from public, anon, authenticated, service_role;

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

-- The ledger and the audit trail keep a year. Once the oldest row of an account is thirteen months old, its rows
-- that are older than twelve months are archived, so each account is due about once a month. Accounts are checked in
-- turn, max_users at most, until max_rows rows are archived. Returns the number of rows.
create function private.sweep_archive(max_rows integer, max_users integer)
returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  -- Rows have the time of the clock, so they are compared with the clock and not with the sweep's as_of.
  v_due timestamptz := now() - interval '13 months';
  v_before timestamptz := now() - interval '12 months';
  v_user record;
  v_rows integer := 0;
  v_last_user uuid;
begin
  for v_user in
    select
      u.id,
      exists (
        select
        from (
          select t.created_at, lead(t.id) over (order by t.id) as next_id
          from public.credit_transactions as t
          where t.user_id = u.id
          order by t.id
          limit 2
        ) as oldest
        where oldest.created_at < v_due
          and oldest.next_id is not null
      ) as has_credits,
      exists (
        select
        from (
          select t.created_at
          from public.api_key_events as t
          where t.user_id = u.id
          order by t.id
          limit 1
        ) as oldest
        where oldest.created_at < v_due
      ) as has_events
    from (
      select n.id
      from public.users as n
      cross join private.sweep_state as s
      where n.id > s.archive_user_id
      order by n.id
      limit sweep_archive.max_users
    ) as u
    order by u.id
  loop
    begin
      if v_user.has_credits then
        v_rows := v_rows + private.archive_credits(v_user.id, v_before, sweep_archive.max_rows - v_rows);
      end if;
      if v_user.has_events and v_rows < sweep_archive.max_rows then
        v_rows := v_rows + private.archive_key_events(v_user.id, v_before, sweep_archive.max_rows - v_rows);
      end if;
    exception
      when others then
        raise warning 'the rows of account % could not be archived: % (%)', v_user.id, sqlerrm, sqlstate;
    end;
    -- All due rows of this account are archived, so the next run begins after it.
    exit when v_rows >= sweep_archive.max_rows;
    v_last_user := v_user.id;
  end loop;

  update private.sweep_state as s
  set archive_user_id = coalesce(
    v_last_user,
    -- After the last account, the next run starts from the beginning.
    case when v_rows = 0 then '00000000-0000-0000-0000-000000000000' else s.archive_user_id end
  )
  where s.is_only;

  return v_rows;
end;
$$;

revoke all on function private.sweep_archive from public, anon, authenticated, service_role;

-- Compares the ledger rows that were added since the last check with the rows before them and with the balance, and
-- adds up the whole ledger of a slice of all accounts. Returns the accounts that disagree. They are flagged and not
-- corrected, because nothing here can decide which side is right.
create function private.sweep_ledger(max_rows integer, max_users integer, as_of timestamptz)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_state private.sweep_state;
  v_upto bigint;
  v_last_user uuid;
  v_found jsonb;
begin
  select s.*
  into v_state
  from private.sweep_state as s
  where s.is_only
  for update;

  select max(n.id)
  into v_upto
  from (
    select t.id
    from public.credit_transactions as t
    where t.id > v_state.ledger_id
    order by t.id
    limit sweep_ledger.max_rows
  ) as n;

  select max(n.id::text)::uuid
  into v_last_user
  from (
    select u.id
    from public.users as u
    where u.id > v_state.user_id
    order by u.id
    limit sweep_ledger.max_users
  ) as n;

  -- One statement sees one point in time, so writes at the same time cause no false difference.
  select jsonb_agg(jsonb_build_object('account_id', d.account_id, 'credits', d.credits, 'ledger_balance', d.ledger_balance))
  into v_found
  from (
    select m.user_id as account_id, u.credits, l.balance_after as ledger_balance
    from (
      select
        t.user_id,
        bool_or(
          t.balance_after <> t.delta + coalesce(
            (
              select b.balance_after
              from public.credit_transactions as b
              where b.user_id = t.user_id
                and b.id < t.id
              order by b.id desc
              limit 1
            ),
            (
              select sum(a.delta)
              from private.archived_credits as a
              where a.user_id = t.user_id
            ),
            0
          )
        ) as is_broken
      from public.credit_transactions as t
      where t.id > v_state.ledger_id
        and t.id <= v_upto
      group by t.user_id
    ) as m
    join public.users as u on u.id = m.user_id
    cross join lateral (
      select b.balance_after
      from public.credit_transactions as b
      where b.user_id = m.user_id
      order by b.id desc
      limit 1
    ) as l
    where m.is_broken
      or l.balance_after <> u.credits
    union
    select u.id, u.credits, l.ledger_balance
    from public.users as u
    cross join lateral (
      select
        sum(t.delta) + coalesce(
          (
            select sum(a.delta)
            from private.archived_credits as a
            where a.user_id = u.id
          ),
          0
        ) as ledger_sum,
        (array_agg(t.balance_after order by t.id desc))[1] as ledger_balance
      from public.credit_transactions as t
      where t.user_id = u.id
    ) as l
    where u.id > v_state.user_id
      and u.id <= v_last_user
      and (l.ledger_sum is distinct from u.credits or l.ledger_balance is distinct from u.credits)
  ) as d;

  update private.sweep_state as s
  set ledger_id = coalesce(v_upto, s.ledger_id),
      -- After the last account, the next run starts from the beginning.
      user_id = coalesce(v_last_user, '00000000-0000-0000-0000-000000000000'),
      swept_at = sweep_ledger.as_of
  where s.is_only;

  -- The flag of an account that agrees again is resolved.
  update private.billing_flags as f
  set resolved_at = sweep_ledger.as_of
  where f.kind = 'ledger_disagreement'
    and f.resolved_at is null
    and not exists (select from private.check_ledger(f.user_id));

  if v_found is not null then
    raise warning 'ledger and balance disagree: %', v_found;
    perform private.raise_flag(
      'ledger_disagreement', '', f.account ->> 'account_id', (f.account ->> 'account_id')::uuid,
      format('The balance is %s, and by the ledger it is %s.', f.account ->> 'credits', f.account ->> 'ledger_balance'), sweep_ledger.as_of, true
    )
    from jsonb_array_elements(v_found) as f (account);
  end if;

  return coalesce(v_found, '[]');
end;
$$;

revoke all on function private.sweep_ledger from public, anon, authenticated, service_role;

-- Grants the due months of one subscription, and ends it where its scheduled end has passed.
create function private.sweep_subscription(subscription_id uuid, as_of timestamptz, out ended integer, out months integer)
returns record
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_subscription record;
begin
  ended := 0;
  months := 0;

  select s.user_id, s.next_grant_at
  into v_subscription
  from public.subscriptions as s
  where s.id = sweep_subscription.subscription_id;

  -- An account that is locked, because its user is paying, is left for the next sweep.
  perform
  from public.users as u
  where u.id = v_subscription.user_id
  for no key update skip locked;

  if not found then
    return;
  end if;

  -- Months that began before the end are granted first; the order makes no difference.
  months := private.settle_months(
    sweep_subscription.subscription_id,
    -- A subscription that has failed for some time may owe earlier months too.
    least(v_subscription.next_grant_at, sweep_subscription.as_of) - interval '40 days',
    sweep_subscription.as_of
  );

  -- A scheduled end that has passed is an end, whether or not the provider's event has arrived. A subscription that
  -- should have renewed is left unchanged, because it may have renewed.
  update public.subscriptions as s
  set status = 'canceled',
      ended_at = coalesce(s.ended_at, s.cancel_at)
  where s.id = sweep_subscription.subscription_id
    and s.status in ('trialing', 'active', 'past_due')
    and s.cancel_at <= sweep_subscription.as_of;

  if found then
    ended := 1;
    perform private.watch_second_subscription(v_subscription.user_id, sweep_subscription.as_of);
  end if;
end;
$$;

-- Settles what is due of a bounded number of subscriptions: {ended, months_granted, failures}. All of them share one
-- subtransaction, because a transaction with many of them slows down every other one; only if a row fails, each row
-- gets its own. The row that failed is flagged and tried again in an hour, so that it does not block the queue.
create function private.sweep_subscriptions(max_rows integer, as_of timestamptz)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_left_out text[];
  v_due uuid[];
  v_id uuid;
  v_ended integer := 0;
  v_months integer := 0;
  v_failures integer := 0;
begin
  v_left_out := array(
    select f.reference
    from private.billing_flags as f
    where f.kind = 'sweep_failure'
      and f.provider = ''
      and f.since > sweep_subscriptions.as_of - interval '1 hour'
  );

  v_due := array(
    select d.id
    from (
      (
        select s.id, s.next_grant_at as due_at
        from public.subscriptions as s
        where s.next_grant_at <= sweep_subscriptions.as_of
          and s.id::text <> all (v_left_out)
        order by s.next_grant_at
        limit sweep_subscriptions.max_rows
      )
      union
      (
        select s.id, s.cancel_at
        from public.subscriptions as s
        where s.cancel_at <= sweep_subscriptions.as_of
          and s.status in ('trialing', 'active', 'past_due')
          and s.id::text <> all (v_left_out)
        order by s.cancel_at
        limit sweep_subscriptions.max_rows
      )
    ) as d
    group by d.id
    order by min(d.due_at), d.id
    limit sweep_subscriptions.max_rows
  );

  begin
    select coalesce(sum(w.ended), 0), coalesce(sum(w.months), 0)
    into v_ended, v_months
    from unnest(v_due) as d (id)
    cross join lateral private.sweep_subscription(d.id, sweep_subscriptions.as_of) as w;
  exception
    when others then
      foreach v_id in array v_due
      loop
        begin
          select v_ended + w.ended, v_months + w.months
          into v_ended, v_months
          from private.sweep_subscription(v_id, sweep_subscriptions.as_of) as w;
        exception
          when others then
            v_failures := v_failures + 1;

            insert into private.billing_flags as f (kind, reference, user_id, reason, since)
            select
              'sweep_failure', v_id::text, s.user_id,
              format('The sweep cannot settle this subscription: %s (%s).', sqlerrm, sqlstate), sweep_subscriptions.as_of
            from public.subscriptions as s
            where s.id = v_id
            on conflict on constraint billing_flags_once do update
              set reason = excluded.reason,
                  since = excluded.since,
                  resolved_at = null;
        end;
      end loop;
  end;

  -- The flag of a subscription that is no longer due is resolved.
  update private.billing_flags as f
  set resolved_at = sweep_subscriptions.as_of
  where f.kind = 'sweep_failure'
    and f.resolved_at is null
    and not exists (
      select
      from public.subscriptions as s
      where s.id = private.uuid_or_null(f.reference)
        and (s.next_grant_at <= sweep_subscriptions.as_of or (s.cancel_at <= sweep_subscriptions.as_of and private.is_running(s.status)))
    );

  return jsonb_build_object('ended', v_ended, 'months_granted', v_months, 'failures', v_failures);
end;
$$;

revoke all on function private.sweep_subscription, private.sweep_subscriptions
  from public, anon, authenticated, service_role;

do $$
begin
  if exists (select from pg_catalog.pg_extension where extname = 'pg_cron') then
    perform cron.schedule('pinebase-reconcile', '37 3 * * *', 'select private.call_reconcile()');
  end if;
end;
$$;

-- Schedules the sweep every minute where the project has pg_cron; elsewhere the operator schedules public.sweep().
-- On the first of a month many months are due at once. So the job runs one batch after the other until one is not
-- full. Each batch is a transaction of its own, so that nobody waits for a row for longer than one batch takes. The
-- name makes it one job, however often it is scheduled.
do $$
begin
  if exists (select from pg_catalog.pg_extension where extname = 'pg_cron') then
    perform cron.schedule('pinebase-sweep', '* * * * *', $job$
      do $sweep$
      begin
        for batch in 1..2000
        loop
          exit when (private.sweep(now()) ->> 'months_granted')::integer < 20;
          commit;
        end loop;
      end;
      $sweep$
    $job$);
  else
    raise notice 'pg_cron is not enabled, so nothing calls the sweep: enable it and push again, or run npm run sweep by a schedule of your own.';
  end if;
end;
$$;

insert into private.sweep_state default values;
