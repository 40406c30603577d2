-- Grants the credits that are still owed for each month of the paid periods, records when the next month begins, and
-- returns how many months had credits. A period's months end where the next period begins: a change from monthly to
-- yearly begins a new paid period. A month is worth the richest plan held in it: the plan at its start, and each
-- plan that the subscription moved to within it. Only periods that end after `since` are read. The caller holds the
-- lock on the user's row.
create function private.settle_months(subscription_id uuid, since timestamptz, as_of timestamptz)
returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid;
  v_ends timestamptz;
  v_next timestamptz;
  v_known_next timestamptz;
  v_months integer := 0;
  v_month record;
begin
  select s.user_id, least(s.ended_at, s.cancel_at), s.next_grant_at
  into v_user_id, v_ends, v_known_next
  from public.subscriptions as s
  where s.id = settle_months.subscription_id;

  for v_month in
    select
      m.month_start,
      -- The plan at the start, and each plan that it moved to before the end of the month. Only a price with periods
      -- of the same length is a move within the period.
      (
        select max(pl.monthly_credits)
        from (
          select coalesce(
            (
              select c.price_id
              from private.plan_changes as c
              join public.prices as cp on cp.id = c.price_id
              where c.subscription_id = settle_months.subscription_id
                and c.changed_at >= p.paid_from
                and c.changed_at <= m.month_start
                and private.months_of(cp.interval, cp.interval_count) = p.months
              order by c.changed_at desc
              limit 1
            ),
            p.price_id
          )
          union all
          select c.price_id
          from private.plan_changes as c
          join public.prices as cp on cp.id = c.price_id
          where c.subscription_id = settle_months.subscription_id
            and c.changed_at > m.month_start
            and c.changed_at < m.month_end
            and c.changed_at <= settle_months.as_of
            and (v_ends is null or c.changed_at < v_ends)
            and (p.refunded_at is null or c.changed_at < p.refunded_at)
            and private.months_of(cp.interval, cp.interval_count) = p.months
            and not exists (
              select
              from private.entitlement_lapses as l
              where l.subscription_id = settle_months.subscription_id
                and l.lapsed_from <= c.changed_at
                and (l.lapsed_until is null or c.changed_at < l.lapsed_until)
            )
        ) as held (price_id)
        join public.prices as pr on pr.id = held.price_id
        join public.plans as pl on pl.plan_type = pr.plan_type
      ) as target,
      coalesce(g.credits, 0) as granted
    from (
      select d.paid_from, d.months, d.paid_at, d.refunded_at, d.price_id, d.ends_at
      from (
        select
          t.paid_from, t.months, t.paid_at, t.refunded_at, t.price_id,
          least(t.paid_through, lead(t.paid_from) over (order by t.paid_from)) as ends_at
        from (
          -- Two payments for one period count as one period, which is paid while one of them is not refunded.
          select distinct on (q.paid_from)
            q.paid_from, q.paid_through, q.months, q.paid_at, q.refunded_at, q.price_id
          from private.payments as q
          where q.subscription_id = settle_months.subscription_id
            and q.paid_from is not null
          order by q.paid_from, q.refunded_at desc nulls first, q.paid_at
        ) as t
      ) as d
      where d.ends_at > settle_months.since
    ) as p
    cross join lateral generate_series(0, p.months - 1) as k
    cross join lateral (
      select
        private.month_after(p.paid_from, k) as month_start,
        case
          when k = p.months - 1 then p.ends_at
          else least(private.month_after(p.paid_from, k + 1), p.ends_at)
        end as month_end
    ) as m
    left join private.granted_months as g
      on g.subscription_id = settle_months.subscription_id
      and g.month_start = m.month_start
    where m.month_start < p.ends_at
      and (v_ends is null or m.month_start < v_ends)
      and (p.refunded_at is null or m.month_start < p.refunded_at)
      -- A later month of a period that was paid for late began while it was unpaid.
      and (k = 0 or p.paid_at <= m.month_start)
      and not exists (
        select
        from private.entitlement_lapses as l
        where l.subscription_id = settle_months.subscription_id
          -- A period that is paid has its first month, whatever was unpaid before.
          and (k > 0 or l.cause = 'revoked')
          and l.lapsed_from <= m.month_start
          and (l.lapsed_until is null or m.month_start < l.lapsed_until)
      )
    order by m.month_start
  loop
    if v_month.month_start > settle_months.as_of then
      v_next := v_month.month_start;
      exit;
    end if;
    continue when v_month.target <= v_month.granted;

    insert into private.granted_months as g (subscription_id, month_start, credits)
    values (settle_months.subscription_id, v_month.month_start, v_month.target)
    on conflict on constraint granted_months_pkey do update
      set credits = excluded.credits;

    perform private.move_credits(
      v_user_id,
      'subscription',
      v_month.target - v_month.granted,
      case when v_month.granted = 0 then 'Credits of a subscription month' else 'Credits of a richer plan' end,
      format(
        'subscription:%s:%s:%s',
        settle_months.subscription_id,
        to_char(v_month.month_start at time zone 'UTC', 'YYYYMMDD"T"HH24MISS"Z"'),
        v_month.target
      ),
      settle_months.as_of
    );
    v_months := v_months + 1;
  end loop;

  if v_next is distinct from v_known_next then
    update public.subscriptions as s
    set next_grant_at = v_next
    where s.id = settle_months.subscription_id;
  end if;

  return v_months;
end;
$$;

revoke all on function private.settle_months from public, anon, authenticated, service_role;
