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
