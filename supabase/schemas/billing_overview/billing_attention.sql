-- Returns what a person must look at, one row for each thing, oldest first, after a place in that order. Each source
-- is read in the order of an index and gives no more rows than the page needs, so a flood in one of them costs no
-- more than a page.
create function private.attention(as_of timestamptz, after_since timestamptz, after_key text, max_rows integer)
returns table (
  kind text, since timestamptz, user_id uuid, provider text, reference text, reason text, remedy text, key text
)
language sql
stable
security definer
set search_path = ''
begin atomic
  with found (kind, since, user_id, provider, reference, reason, remedy) as (
    -- Events that are parked, failed or abandoned.
    (
      select o.kind, o.since, o.user_id, o.provider, o.reference, o.reason, o.remedy
      from (
        values
          ('parked', 'Add what it waits for; it is applied automatically then. Dismiss it if it does not belong to this project.'),
          ('failed', 'Run npm run webhooks:replay.'),
          ('abandoned', 'Add what it waited for, then run npm run webhooks:replay -- --event and its id. Dismiss it if it does not belong to this project.')
      ) as w (status, remedy)
      cross join lateral (
        select
          w.status || '_event' as kind, e.received_at as since, e.user_id, e.provider, e.event_id as reference,
          format('%s: %s', e.type, coalesce(e.error, 'no reason was kept')) as reason, w.remedy
        from private.webhook_events as e
        where e.status = w.status
          and e.received_at >= attention.after_since
          and (
            e.received_at > attention.after_since
            or concat_ws(':', w.status || '_event', e.provider, e.event_id) > attention.after_key collate "C"
          )
        order by e.received_at
        -- With ties, because one moment may have more rows than a page.
        fetch first attention.max_rows rows with ties
      ) as o
    )
    union all
    -- Customers at the provider who pay and are linked to no user.
    select
      'unlinked_customer', c.since, null, c.provider, c.customer_id,
      format('%s events are about a customer who is linked to no account.', c.events),
      'Find the account in the provider''s dashboard and link it: select public.link_billing_customer(user id, provider, customer id).'
    from (
      select e.provider, substr(e.waits_for, 10) as customer_id, min(e.received_at) as since, count(*) as events
      from private.webhook_events as e
      where e.status in ('parked', 'abandoned')
        and e.waits_for like 'customer:%'
      group by e.provider, e.waits_for
    ) as c
    where c.since >= attention.after_since
    union all
    -- Open flags.
    (
      select
        f.kind, f.since, f.user_id, nullif(f.provider, ''), f.reference, f.reason,
        case f.kind
          when 'refund' then 'If you made this refund, dismiss it: nothing else is to do.'
          when 'dispute' then 'Answer it in the provider''s dashboard before it is due. Dismiss it once it is lost.'
          when 'second_subscription' then 'Ask the customer which one to keep, cancel the other at the provider and refund it.'
          when 'paypal_not_believed' then 'Look at it in PayPal''s dashboard, cancel it there and refund what was paid.'
          when 'money_without_account' then 'Refund it in the provider''s dashboard: its account was deleted. Dismiss it then.'
          when 'other_mode' then 'Give the functions the keys and the webhook secret of the mode in which you sell, and run npm run billing:reconcile. Dismiss it then.'
          when 'credits_not_taken' then 'Decide whether the credits are written off. Dismiss it then.'
          when 'credits_overflow' then 'The balance is at its maximum. Dismiss it once you have agreed with the user what to do.'
          when 'sweep_failure' then 'Read the reason and correct the row. The sweep tries it again every hour.'
          when 'ledger_disagreement' then 'Find who changed credits or the ledger by hand, with select public.diagnose_account(email), and correct one of them.'
        end
      from private.billing_flags as f
      where f.resolved_at is null
        and f.since >= attention.after_since
        and (
          f.since > attention.after_since
          or concat_ws(':', f.kind, nullif(f.provider, ''), f.reference) > attention.after_key collate "C"
        )
      order by f.since
      fetch first attention.max_rows rows with ties
    )
    union all
    -- Tasks at a provider that have failed or wait for too long.
    select
      'provider_task', t.requested_at, t.user_id, t.provider, t.subscription_id,
      case t.action
        when 'cancel' then 'It is still to be cancelled at the provider'
        when 'activate' then 'It is still to be activated at the provider'
        else 'The customer''s new email could not be sent to the provider'
      end
        || format(' (%s)', t.reason) || coalesce(format('; tried %s times: %s', t.attempts, t.error), '.'),
      'Run npm run billing:reconcile -- --since 2d, or do it in the provider''s dashboard.'
    from private.provider_tasks as t
    where t.done_at is null
      and t.requested_at >= attention.after_since
      and (t.attempts > 0 or (t.action <> 'email' and t.requested_at < attention.as_of - interval '15 minutes'))
    union all
    -- Premium ends three days after the end of a period whose renewal was not reported.
    (
      select
        'renewal_unheard', s.current_period_end, s.user_id, s.provider, s.provider_subscription_id,
        'Its period has ended, and the provider has reported neither a renewal nor an end.',
        'Run npm run billing:reconcile -- --since 40d.'
      from public.subscriptions as s
      where s.status in ('trialing', 'active')
        and s.provider <> 'manual'
        and s.current_period_end <= attention.as_of - interval '72 hours'
        and s.current_period_end >= attention.after_since
        and (
          s.current_period_end > attention.after_since
          or concat_ws(':', 'renewal_unheard', s.provider, s.provider_subscription_id) > attention.after_key collate "C"
        )
        and s.cancel_at is null
        and s.ended_at is null
      order by s.current_period_end
      fetch first attention.max_rows rows with ties
    )
    union all
    -- Revoked subscriptions that the provider still charges for.
    select
      'revoked_subscription', s.revoked_at, s.user_id, s.provider, s.provider_subscription_id,
      'It is revoked here and continues at the provider, which still charges for it.',
      'Cancel it in the provider''s dashboard, or give it back: select public.reinstate_subscription(id).'
    from public.subscriptions as s
    where s.revoked_at >= attention.after_since
      and s.revoked_at is not null
      and s.provider <> 'manual'
      and s.cancel_at is null
      and private.is_running(s.status)
    union all
    -- Providers that send no events although something should have happened there.
    select
      'webhook_silent', q.since, null, q.provider, q.provider,
      case
        when q.last_at is null then 'No event has ever come from the provider, although something was bought there.'
        else 'Subscriptions should have been renewed since the provider''s last event.'
      end,
      'Check the webhook endpoint in the provider''s dashboard and its secret, then run npm run billing:reconcile -- --since 40d.'
    from (
      select
        p.provider, l.last_at,
        case
          when l.last_at is null then (
            select min(s.created_at)
            from public.subscriptions as s
            where s.provider = p.provider
              and s.created_at < attention.as_of - interval '1 hour'
          )
          else (
            select min(s.current_period_end)
            from public.subscriptions as s
            where s.status in ('trialing', 'active')
              and s.provider = p.provider
              and s.provider <> 'manual'
              and s.current_period_end > l.last_at
              and s.current_period_end <= attention.as_of - interval '24 hours'
              and s.cancel_at is null
              and s.ended_at is null
          )
        end as since
      from unnest(array['stripe', 'paypal']) as p (provider)
      cross join lateral (
        select max(e.received_at) as last_at
        from private.webhook_events as e
        where e.provider = p.provider
      ) as l
    ) as q
    where q.since is not null
    union all
    -- A sweep that does not run, and one that does not keep up.
    select
      'sweep_silent', coalesce(w.swept_at, w.installed_at), null, null, 'sweep',
      case
        when w.swept_at is null then 'The sweep has never run.'
        else 'The sweep has not run for more than fifteen minutes.'
      end,
      'Enable pg_cron and push again, or have npm run sweep run every few minutes.'
    from private.sweep_state as w
    where coalesce(w.swept_at, w.installed_at) < attention.as_of - interval '15 minutes'
    union all
    select
      'sweep_behind', b.since, null, null, 'sweep',
      'Months of credits have been due for more than an hour, although the sweep runs.',
      'Run npm run sweep now, and schedule it more often.'
    from (
      select min(s.next_grant_at) as since
      from public.subscriptions as s
      where s.next_grant_at < attention.as_of - interval '1 hour'
        and not exists (
          select
          from private.billing_flags as f
          where f.kind = 'sweep_failure'
            and f.provider = ''
            and f.reference = s.id::text
            and f.resolved_at is null
        )
    ) as b
    where b.since is not null
  )
  select n.kind, n.since, n.user_id, n.provider, n.reference, n.reason, n.remedy, n.key
  from (
    select f.*, concat_ws(':', f.kind, f.provider, f.reference) collate "C" as key
    from found as f
  ) as n
  where n.since > attention.after_since
    or (n.since = attention.after_since and n.key > attention.after_key collate "C")
  order by n.since, n.key
  limit attention.max_rows;
end;

create function private.billing_attention(page_size integer, cursor text, as_of timestamptz)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_page_size integer := coalesce(billing_attention.page_size, 20);
  v_after_since timestamptz := '-infinity';
  v_after_key text := '';
  v_microseconds numeric;
begin
  if v_page_size not between 1 and 100 then
    perform private.raise_error(
      'invalid_argument', 'page_size must be between 1 and 100.', '{"argument": "page_size", "minimum": 1, "maximum": 100}'
    );
  end if;

  -- A cursor is the microseconds since 1970 and the key of the last row that was read.
  if billing_attention.cursor is not null then
    v_microseconds := substring(billing_attention.cursor from '^([0-9]{1,17}):');
    if v_microseconds is null then
      perform private.raise_error(
        'invalid_argument', 'cursor must be the next_cursor of an earlier page. Omit it for the first page.', '{"argument": "cursor"}'
      );
    end if;
    v_after_since := timestamptz '1970-01-01 00:00:00+00' + v_microseconds::bigint * interval '1 microsecond';
    v_after_key := substr(billing_attention.cursor, position(':' in billing_attention.cursor) + 1);
  end if;

  return (
    select jsonb_build_object(
      'items', coalesce(
        jsonb_agg(
          jsonb_build_object(
            'kind', p.kind, 'since', p.since, 'user_id', p.user_id, 'provider', p.provider, 'reference', p.reference,
            'reason', p.reason, 'remedy', p.remedy
          )
          order by p.place
        ) filter (where p.place <= v_page_size),
        '[]'
      ),
      'next_cursor', max((extract(epoch from p.since) * 1000000)::bigint || ':' || p.key) filter (where p.place = v_page_size and p.has_next)
    )
    from (
      select a.*, row_number() over w as place, lead(true, 1, false) over w as has_next
      from private.attention(billing_attention.as_of, v_after_since, v_after_key, v_page_size + 1) as a
      window w as (order by a.since, a.key collate "C")
    ) as p
  );
end;
$$;

create function public.billing_attention(page_size integer default null, cursor text default null)
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.billing_attention(page_size, cursor, now());
end;

comment on function public.billing_attention(integer, text) is
  'Everything about money that a person must look at, oldest first: {items: [{kind, since, user_id, provider, reference, reason, remedy}], next_cursor}.';

revoke all on function private.attention, private.billing_attention, public.billing_attention
  from public, anon, authenticated, service_role;
grant execute on function private.billing_attention, public.billing_attention to service_role;
