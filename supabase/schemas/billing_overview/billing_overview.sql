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
