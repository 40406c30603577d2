-- Made from supabase/schemas/billing_overview/ by `npm run db:diff -- --first`: change it there.

-- Returns the seconds since the last sweep, and since the last event of a provider; null for never.
create function private.billing_pulse(as_of timestamptz, out sweep_age_s bigint, out last_webhook_age_s bigint)
returns record
language sql
stable
security definer
set search_path = ''
begin atomic
  select
    (
      select extract(epoch from billing_pulse.as_of - s.swept_at)::bigint
      from private.sweep_state as s
      where s.is_only
    ),
    (
      select extract(epoch from billing_pulse.as_of - max(l.received_at))::bigint
      from unnest(array['stripe', 'paypal']) as p (provider)
      cross join lateral (
        select max(e.received_at) as received_at
        from private.webhook_events as e
        where e.provider = p.provider
      ) as l
    );
end;

revoke all on function private.billing_pulse from public, anon, authenticated, service_role;

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

-- What GET health returns to a request with the secret key: {sweep_age_s, last_webhook_age_s, attention}. A monitor
-- calls it often, so the items are counted only up to 100.
create function private.billing_health(as_of timestamptz)
returns jsonb
language sql
stable
security definer
set search_path = ''
begin atomic
  select jsonb_build_object(
    'sweep_age_s', p.sweep_age_s,
    'last_webhook_age_s', p.last_webhook_age_s,
    'attention', (select count(*) from private.attention(billing_health.as_of, '-infinity', '', 100))
  )
  from private.billing_pulse(billing_health.as_of) as p;
end;

create function public.billing_health()
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.billing_health(now());
end;

comment on function public.billing_health() is
  'Internal to health. {sweep_age_s, last_webhook_age_s, attention}.';

revoke all on function private.billing_health, public.billing_health from public, anon, authenticated, service_role;
grant execute on function private.billing_health, public.billing_health to service_role;

-- What the business earns. Monthly recurring revenue is what the running subscriptions pay for one month: a yearly
-- price counts a twelfth, a discount that recurs is subtracted, a trial pays nothing yet. A past-due subscription
-- counts, because its provider still collects. Tax, one-time discounts and packs do not recur. Each currency stands
-- by itself.
create function private.billing_overview(as_of timestamptz)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_since timestamptz := as_of - interval '720 hours';
  v_by_currency jsonb;
  v_by_plan jsonb;
begin
  -- Subscriptions are counted by price first, so that each price is read once instead of once per subscription.
  with sold as materialized (
    select
      s.price_id, s.plan_type, s.status, s.provider = 'manual' as is_manual,
      coalesce(t.discount_percent, 0) as discount_percent,
      coalesce(t.discount_amount, 0) as discount_amount,
      count(*) as subscriptions
    from public.subscriptions as s
    left join private.subscription_terms as t on t.subscription_id = s.id
    where s.status in ('trialing', 'active', 'past_due')
      and s.ended_at is null
      and (s.provider <> 'manual' or (s.cancel_at > billing_overview.as_of and s.revoked_at is null))
    group by 1, 2, 3, 4, 5, 6
  ),
  counted as (
    select
      o.plan_type, o.status, o.is_manual, o.subscriptions, p.currency,
      o.subscriptions
        * greatest(p.unit_amount * (100 - o.discount_percent) / 100 - o.discount_amount, 0)
        / private.months_of(p.interval, p.interval_count) as monthly
    from sold as o
    left join public.prices as p on p.id = o.price_id
  )
  select
    (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'currency', c.currency, 'mrr', c.mrr, 'active', c.active, 'trialing', c.trialing, 'past_due', c.past_due
          )
          order by c.currency
        ),
        '[]'
      )
      from (
        select
          n.currency,
          round(coalesce(sum(n.monthly) filter (where n.status <> 'trialing'), 0))::bigint as mrr,
          coalesce(sum(n.subscriptions) filter (where n.status = 'active'), 0) as active,
          coalesce(sum(n.subscriptions) filter (where n.status = 'trialing'), 0) as trialing,
          coalesce(sum(n.subscriptions) filter (where n.status = 'past_due'), 0) as past_due
        from counted as n
        where n.currency is not null
        group by n.currency
      ) as c
    ),
    (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'plan_type', c.plan_type, 'active', c.active, 'trialing', c.trialing, 'past_due', c.past_due, 'manual', c.manual
          )
          order by c.plan_type
        ),
        '[]'
      )
      from (
        select
          n.plan_type,
          coalesce(sum(n.subscriptions) filter (where n.status = 'active' and not n.is_manual), 0) as active,
          coalesce(sum(n.subscriptions) filter (where n.status = 'trialing' and not n.is_manual), 0) as trialing,
          coalesce(sum(n.subscriptions) filter (where n.status = 'past_due' and not n.is_manual), 0) as past_due,
          coalesce(sum(n.subscriptions) filter (where n.is_manual), 0) as manual
        from counted as n
        group by n.plan_type
      ) as c
    )
  into v_by_currency, v_by_plan;

  return jsonb_build_object(
    'by_currency', v_by_currency,
    'by_plan', v_by_plan,
    'new_30d', (
      select count(*)
      from private.subscription_terms as t
      join public.subscriptions as s on s.id = t.subscription_id
      where t.started_at > v_since
        and t.started_at <= billing_overview.as_of
        and s.status not in ('incomplete', 'incomplete_expired')
    ),
    'ended_30d', (
      select count(*)
      from public.subscriptions as s
      where s.status = 'canceled'
        and s.provider <> 'manual'
        and s.ended_at > v_since
        and s.ended_at <= billing_overview.as_of
    ),
    'refunded_30d', (
      select count(*)
      from private.payment_incidents as i
      where i.created_at > v_since
        and i.created_at <= billing_overview.as_of
        and i.kind = 'refund'
        and i.status in ('succeeded', 'completed')
    ),
    'disputed_30d', (
      select count(*)
      from private.payment_incidents as i
      where i.created_at > v_since
        and i.created_at <= billing_overview.as_of
        and i.kind = 'dispute'
    ),
    -- Several attempts to collect one invoice are one payment that failed.
    'failed_payments_30d', (
      select count(distinct coalesce(e.payload #>> '{data,object,id}', e.payload #>> '{resource,id}', e.event_id))
      from private.webhook_events as e
      where e.provider in ('stripe', 'paypal')
        and e.received_at > v_since
        and e.created > v_since
        and e.created <= billing_overview.as_of
        and e.status in ('processed', 'parked', 'failed')
        and e.type in (
          'invoice.payment_failed', 'checkout.session.async_payment_failed', 'BILLING.SUBSCRIPTION.PAYMENT.FAILED', 'PAYMENT.SALE.DENIED'
        )
    ),
    'credits_outstanding', (select coalesce(sum(u.credits), 0) from public.users as u),
    'sweep_age_s', (select p.sweep_age_s from private.billing_pulse(billing_overview.as_of) as p),
    'last_webhook_age_s', (select p.last_webhook_age_s from private.billing_pulse(billing_overview.as_of) as p)
  );
end;
$$;

create function public.billing_overview()
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.billing_overview(now());
end;

comment on function public.billing_overview() is
  'Figures of the business, amounts in the smallest unit, currencies apart: {by_currency: [{currency, mrr, active, trialing, past_due}], by_plan, new_30d, ended_30d, refunded_30d, disputed_30d, failed_payments_30d, credits_outstanding, sweep_age_s, last_webhook_age_s}. Fields that end in _30d count events of the last 30 days.';

revoke all on function private.billing_overview, public.billing_overview from public, anon, authenticated, service_role;
grant execute on function private.billing_overview, public.billing_overview to service_role;

-- Marks an item as seen by a person: a flag becomes resolved, an event ignored. An item that is computed at every
-- read, such as a silent webhook or a revoked subscription, disappears only with its cause.
create function private.dismiss_billing_attention(kind text, provider text, reference text, as_of timestamptz)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_dismissed boolean;
begin
  if dismiss_billing_attention.kind in ('parked_event', 'failed_event', 'abandoned_event') then
    update private.webhook_events as e
    set status = 'ignored',
        error = left('Dismissed by a person. ' || coalesce(e.error, ''), 1000),
        effect = null,
        settled_at = dismiss_billing_attention.as_of
    where e.provider = dismiss_billing_attention.provider
      and e.event_id = dismiss_billing_attention.reference
      and e.status = replace(dismiss_billing_attention.kind, '_event', '');
  else
    update private.billing_flags as f
    set resolved_at = dismiss_billing_attention.as_of
    where f.kind = dismiss_billing_attention.kind
      and f.provider = coalesce(dismiss_billing_attention.provider, '')
      and f.reference = dismiss_billing_attention.reference
      and f.resolved_at is null;
  end if;

  v_dismissed := found;
  return jsonb_build_object('dismissed', v_dismissed);
end;
$$;

create function public.dismiss_billing_attention(kind text, provider text, reference text)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.dismiss_billing_attention(kind, provider, reference, now());
end;

comment on function public.dismiss_billing_attention(text, text, text) is
  'Marks one item of billing_attention() as seen, so that it is not listed again: {dismissed}. An item whose cause lasts is not dismissed.';

revoke all on function private.dismiss_billing_attention, public.dismiss_billing_attention
  from public, anon, authenticated, service_role;
grant execute on function private.dismiss_billing_attention, public.dismiss_billing_attention to service_role;
