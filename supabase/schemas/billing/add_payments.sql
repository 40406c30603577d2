-- Records what a read reports as paid for a subscription, and its moves to other prices. Returns the earliest time
-- that something new is about; null where nothing is new.
create function private.add_payments(
  subscription_id uuid,
  user_id uuid,
  provider text,
  payments jsonb,
  changes jsonb,
  read_number bigint,
  as_of timestamptz
)
returns timestamptz
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_payment jsonb;
  v_line record;
  v_since timestamptz;
  v_change timestamptz;
begin
  for v_payment in
    select t.payment
    from jsonb_array_elements(add_payments.payments) as t (payment)
    where jsonb_typeof(add_payments.payments) = 'array'
  loop
    -- The line that pays for a period of one of our plans; other items may stand beside it.
    select
      p.id as price_id, private.months_of(p.interval, p.interval_count) as months,
      (l.line ->> 'from')::timestamptz as paid_from, (l.line ->> 'through')::timestamptz as paid_through
    into v_line
    from jsonb_array_elements(v_payment -> 'lines') as l (line)
    join public.prices as p
      on p.provider = add_payments.provider
      and p.provider_price_id = l.line ->> 'price_id'
    join public.plans as pl on pl.plan_type = p.plan_type
    where not coalesce((l.line ->> 'proration')::boolean, false)
      and (l.line ->> 'from')::timestamptz < (l.line ->> 'through')::timestamptz
    order by pl.is_premium desc, pl.monthly_credits desc, (l.line ->> 'from')::timestamptz desc
    limit 1;

    insert into private.payments as p (
      provider, payment_id, user_id, subscription_id, price_id, paid_from, paid_through, months, paid_at, amount, currency
    )
    values (
      add_payments.provider, v_payment ->> 'id', add_payments.user_id, add_payments.subscription_id, v_line.price_id,
      v_line.paid_from, v_line.paid_through, v_line.months, coalesce((v_payment ->> 'paid_at')::timestamptz, v_line.paid_from, add_payments.as_of),
      coalesce((v_payment ->> 'amount')::bigint, 0), coalesce(lower(v_payment ->> 'currency'), '')
    )
    on conflict on constraint payments_pkey do update
      -- The period is added where its price was not known when the payment was recorded.
      set price_id = excluded.price_id,
          paid_from = excluded.paid_from,
          paid_through = excluded.paid_through,
          months = excluded.months
      where p.paid_from is null
        and excluded.paid_from is not null
        and p.subscription_id = excluded.subscription_id;

    if found then
      v_since := least(v_since, v_line.paid_from);
    end if;

    if v_payment -> 'refunds' <> '[]' or v_payment -> 'disputes' <> '[]' then
      perform private.record_incidents(
        add_payments.provider, v_payment ->> 'id', add_payments.user_id, v_payment -> 'refunds', v_payment -> 'disputes',
        add_payments.read_number, add_payments.as_of
      );
      perform private.refresh_refunded(add_payments.provider, v_payment ->> 'id');
      v_since := least(v_since, v_line.paid_from, add_payments.as_of);
    end if;
  end loop;

  with moved as (
    insert into private.plan_changes as c (subscription_id, changed_at, price_id)
    select add_payments.subscription_id, t.at, p.id
    from (
      select l.line ->> 'price_id' as price_id, (l.line ->> 'from')::timestamptz as at
      from jsonb_array_elements(add_payments.payments) as y (payment)
      cross join lateral jsonb_array_elements(y.payment -> 'lines') as l (line)
      where jsonb_typeof(add_payments.payments) = 'array'
        and (l.line ->> 'proration')::boolean
      union all
      select m.move ->> 'price_id', (m.move ->> 'at')::timestamptz
      from jsonb_array_elements(add_payments.changes) as m (move)
      where jsonb_typeof(add_payments.changes) = 'array'
    ) as t
    join public.prices as p
      on p.provider = add_payments.provider
      and p.provider_price_id = t.price_id
    where p.plan_type is not null
    on conflict do nothing
    returning c.changed_at
  )
  select min(m.changed_at)
  into v_change
  from moved as m;

  return least(v_since, v_change);
end;
$$;

revoke all on function private.add_payments from public, anon, authenticated, service_role;
