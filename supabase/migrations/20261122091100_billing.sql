-- Made from supabase/schemas/billing/ by `npm run db:diff -- --first`: change it there.

-- Payments: a Stripe invoice, a PayPal transaction, the payment of a pack. A payment is recorded at the first event
-- or read that reports it, so credits do not depend on the order of events. A payment for a period of a subscription
-- also holds that period.
create table private.payments (
  provider text not null,
  payment_id text not null,
  user_id uuid not null references public.users (id) on delete cascade,
  -- Deferred, because a payment is written before the row of its subscription.
  subscription_id uuid references public.subscriptions (id) on delete cascade deferrable initially deferred,
  price_id uuid references public.prices (id) on delete restrict,
  paid_from timestamptz,
  paid_through timestamptz,
  months integer,
  paid_at timestamptz not null,
  amount bigint not null,
  currency text not null,
  refunded bigint not null default 0,
  refunded_at timestamptz,
  pack_credits integer,
  reversed_credits integer not null default 0,
  missing_credits integer not null default 0,
  constraint payments_pkey primary key (provider, payment_id),
  constraint payments_provider_known check (provider in ('stripe', 'paypal')),
  constraint payments_period_order check (paid_from < paid_through),
  constraint payments_period_complete check (num_nonnulls(paid_from, paid_through, months) in (0, 3))
);

create index payments_user_id_idx on private.payments (user_id);

create index payments_subscription_id_idx on private.payments (subscription_id, paid_from);

create index payments_price_id_idx on private.payments (price_id);

comment on table private.payments is 'What was paid: periods of subscriptions and packs.';
comment on column private.payments.price_id is 'Price of the period or of the pack; null where the payment is for neither of them.';
comment on column private.payments.months is 'Months of credits in the period: 1 for a monthly price, 12 for a yearly one.';
comment on column private.payments.amount is 'Amount that was paid; 0 with a discount of 100 %, which counts as paid.';
comment on column private.payments.refunded is 'Amount that was paid back by refunds and lost disputes.';
comment on column private.payments.refunded_at is 'When it was refunded in full; from then on its period is unpaid.';
comment on column private.payments.pack_credits is 'Credits of the packs that it bought; null for a payment of a subscription.';
comment on column private.payments.reversed_credits is 'Credits of the pack that had to be taken back, whether or not the balance had them.';
comment on column private.payments.missing_credits is 'Part of reversed_credits that could not be taken back, because they were spent.';

revoke all on private.payments from public, anon, authenticated, service_role;

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

-- A paid checkout of a pack grants its credits once. What is refunded, or lost in a dispute, takes the same share of
-- the credits back, cumulatively and once. Returns {outcome, reason, user_id, waits_for}.
create function private.apply_purchase(purchase jsonb, read_number bigint, as_of timestamptz)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_provider text := purchase ->> 'provider';
  v_payment jsonb := purchase -> 'payment';
  v_payment_id text := purchase -> 'payment' ->> 'id';
  -- The provider's id may contain characters that an idempotency key may not contain.
  v_key text := pg_catalog.md5(purchase -> 'payment' ->> 'id');
  v_who record;
  v_pack record;
  v_paid private.payments;
  v_due integer;
  v_taken integer;
begin
  select min(p.id::text)::uuid as price_id, sum(k.credits * coalesce((i.item ->> 'quantity')::integer, 1)) as credits
  into v_pack
  from jsonb_array_elements(purchase -> 'items') as i (item)
  join public.prices as p
    on p.provider = v_provider
    and p.provider_price_id = i.item ->> 'price_id'
  join public.credit_packs as k on k.pack_type = p.pack_type;

  select w.user_id, w.outcome, w.reason, w.waits_for
  into v_who
  from private.billing_user(v_provider, purchase ->> 'customer_id', private.uuid_or_null(purchase ->> 'user_id')) as w;

  if v_who.user_id is null then
    if v_pack.price_id is null then
      return jsonb_build_object('outcome', 'ignored', 'reason', 'Neither the customer nor the price is ours.');
    elsif v_who.waits_for = 'deleted' and (v_payment ->> 'amount')::bigint > 0 then
      perform private.raise_flag(
        'money_without_account', v_provider, v_payment_id, private.uuid_or_null(purchase ->> 'user_id'),
        format('%s %s were paid for a pack by a deleted user.', v_payment ->> 'amount', v_payment ->> 'currency'), apply_purchase.as_of
      );
    end if;
    return jsonb_build_object('outcome', v_who.outcome, 'reason', v_who.reason, 'waits_for', v_who.waits_for);
  end if;

  if v_pack.price_id is null then
    return jsonb_build_object(
      'outcome', 'parked',
      'reason', format('No pack has the price %s.', coalesce(purchase -> 'items' -> 0 ->> 'price_id', '(none)')),
      'waits_for', 'price:' || coalesce(purchase -> 'items' -> 0 ->> 'price_id', ''),
      'user_id', v_who.user_id
    );
  elsif purchase ->> 'status' <> 'paid' or v_payment_id is null then
    return jsonb_build_object('outcome', 'processed', 'user_id', v_who.user_id);
  end if;

  perform private.lock_account(v_who.user_id);

  insert into private.payments (provider, payment_id, user_id, price_id, paid_at, amount, currency, pack_credits)
  values (
    v_provider, v_payment_id, v_who.user_id, v_pack.price_id, coalesce((v_payment ->> 'paid_at')::timestamptz, apply_purchase.as_of),
    coalesce((v_payment ->> 'amount')::bigint, 0), coalesce(lower(v_payment ->> 'currency'), ''), least(v_pack.credits, 2147483647)
  )
  on conflict on constraint payments_pkey do nothing;

  if found then
    perform private.move_credits(
      v_who.user_id, 'purchase', least(v_pack.credits, 2147483647)::integer, 'A pack of credits', 'purchase:' || v_key, apply_purchase.as_of
    );
  end if;

  if v_payment -> 'refunds' <> '[]' or v_payment -> 'disputes' <> '[]' then
    perform private.record_incidents(
      v_provider, v_payment_id, v_who.user_id, v_payment -> 'refunds', v_payment -> 'disputes', apply_purchase.read_number,
      apply_purchase.as_of
    );
    perform private.refresh_refunded(v_provider, v_payment_id);

    select p.*
    into v_paid
    from private.payments as p
    where p.provider = v_provider
      and p.payment_id = v_payment_id
      and p.user_id = v_who.user_id
      and p.pack_credits is not null;

    v_due := case when v_paid.amount > 0 then floor(v_paid.pack_credits::numeric * v_paid.refunded / v_paid.amount) else 0 end;

    if v_due > v_paid.reversed_credits then
      v_taken := -private.move_credits(
        v_who.user_id, 'reversal', v_paid.reversed_credits - v_due, 'A pack was refunded', format('reversal:%s:%s', v_key, v_due),
        apply_purchase.as_of
      );

      update private.payments as p
      set reversed_credits = v_due,
          missing_credits = p.missing_credits + (v_due - v_paid.reversed_credits - v_taken)
      where p.provider = v_provider
        and p.payment_id = v_payment_id
      returning p.missing_credits into v_paid.missing_credits;

      if v_paid.missing_credits > 0 then
        perform private.raise_flag(
          'credits_not_taken', v_provider, v_payment_id, v_who.user_id,
          format('%s of %s credits of a refunded pack were spent and could not be taken back.', v_paid.missing_credits, v_due),
          apply_purchase.as_of
        );
      end if;
    end if;
  end if;

  return jsonb_build_object('outcome', 'processed', 'user_id', v_who.user_id);
end;
$$;

revoke all on function private.apply_purchase from public, anon, authenticated, service_role;

-- Writes what a read of the provider reported, unless a later read has been written, together with what follows from
-- it: payments, premium and credits. Returns {outcome, reason, user_id, waits_for, tasks}, outcome one of processed,
-- parked, ignored.
--
-- The edge functions bring what all providers report into one shape, a snapshot:
--
--    {provider, id, customer_id, user_id, livemode, status, items: [{price_id, start, end}],
--     started_at, trial_end, cancel_at, ended_at, unpaid_since, status_at, plan_overridden,
--     approved, missing, discount: {percent, amount}, payments: [{id, paid_at, currency, amount,
--       lines: [{price_id, from, through, proration}], refunds: [{id, amount, currency, status,
--       reason, created_at}], disputes: [the same with due_at, closed_at]}],
--     changes: [{price_id, at}]}
--
-- Times are ISO 8601, amounts in the smallest unit. `user_id` is the one that we wrote into the subscription's
-- metadata. `missing` without other fields means that the provider no longer has the subscription.
--
-- Every function that depends on the time takes it as `as_of`. The public wrappers pass now(), so no API role can
-- choose it.
create function private.apply_subscription(snapshot jsonb, read_number bigint, as_of timestamptz)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_provider text := snapshot ->> 'provider';
  v_provider_id text := snapshot ->> 'id';
  v_status text := snapshot ->> 'status';
  v_cancel_at timestamptz := (snapshot ->> 'cancel_at')::timestamptz;
  v_ended_at timestamptz := (snapshot ->> 'ended_at')::timestamptz;
  v_payments jsonb := snapshot -> 'payments';
  v_user_id uuid;
  v_who record;
  v_ordered_price_id uuid;
  v_item record;
  v_old public.subscriptions;
  v_id uuid;
  v_start timestamptz;
  v_end timestamptz;
  v_unpaid_since timestamptz;
  v_paid record;
  v_paid_through timestamptz;
  v_since timestamptz;
  v_last_price_id uuid;
  v_is_newer boolean;
  v_tasks jsonb := '[]';
begin
  if (snapshot ->> 'missing')::boolean then
    return private.end_missing_subscription(snapshot, apply_subscription.read_number, apply_subscription.as_of);
  end if;

  -- Check the price: of several items, the one with the richest of our plans.
  select p.id as price_id, p.plan_type, (i.item ->> 'start')::timestamptz as starts, (i.item ->> 'end')::timestamptz as ends
  into v_item
  from jsonb_array_elements(snapshot -> 'items') as i (item)
  join public.prices as p
    on p.provider = v_provider
    and p.provider_price_id = i.item ->> 'price_id'
  join public.plans as pl on pl.plan_type = p.plan_type
  order by pl.is_premium desc, pl.monthly_credits desc, p.plan_type
  limit 1;

  -- Check the user.
  if v_provider = 'paypal' then
    select k.user_id, k.price_id
    into v_user_id, v_ordered_price_id
    from private.known_subscriptions as k
    where k.provider = v_provider
      and k.subscription_id = v_provider_id;

    if not found then
      -- This event arrived before the function that created the subscription recorded its id.
      if exists (
        select
        from private.checkouts as c
        where c.user_id = private.uuid_or_null(snapshot ->> 'user_id')
          and c.provider = 'paypal'
          and c.session_id is null
      ) then
        return jsonb_build_object(
          'outcome', 'parked', 'reason', 'The checkout has not recorded this subscription yet.', 'waits_for', 'object:' || v_provider_id
        );
      end if;
      return jsonb_build_object('outcome', 'ignored', 'reason', 'We did not create this subscription.');
    end if;
  else
    select w.user_id, w.outcome, w.reason, w.waits_for
    into v_who
    from private.billing_user(v_provider, snapshot ->> 'customer_id', private.uuid_or_null(snapshot ->> 'user_id')) as w;

    if v_who.user_id is null then
      if v_who.waits_for = 'deleted' then
        return private.refuse_deleted_user(snapshot, private.uuid_or_null(snapshot ->> 'user_id'), apply_subscription.as_of);
      elsif v_item.price_id is null
        and not exists (
          select
          from private.billing_customers as c
          where c.provider = v_provider
            and c.customer_id = snapshot ->> 'customer_id'
        )
      then
        return jsonb_build_object('outcome', 'ignored', 'reason', 'Neither the customer nor the price is ours.');
      end if;
      return jsonb_build_object('outcome', v_who.outcome, 'reason', v_who.reason, 'waits_for', v_who.waits_for);
    end if;
    v_user_id := v_who.user_id;
  end if;

  -- Lock the user's row first, then the subscription.
  if not private.lock_account(v_user_id) then
    return private.refuse_deleted_user(snapshot, v_user_id, apply_subscription.as_of);
  end if;

  select s.*
  into v_old
  from public.subscriptions as s
  where s.provider = v_provider
    and s.provider_subscription_id = v_provider_id
  for no key update;

  if v_old.user_id <> v_user_id then
    return jsonb_build_object(
      'outcome', 'parked', 'reason', 'This subscription belongs to another user.', 'waits_for', 'customer:' || (snapshot ->> 'customer_id')
    );
  end if;

  -- A subscription that has ended keeps its plan, so its price need not be known any more.
  if v_item.price_id is null then
    if v_old.id is null or v_status not in ('canceled', 'incomplete_expired', 'unpaid') then
      return jsonb_build_object(
        'outcome', 'parked',
        'reason', format('No plan has the price %s.', coalesce(snapshot -> 'items' -> 0 ->> 'price_id', '(none)')),
        'waits_for', 'price:' || coalesce(snapshot -> 'items' -> 0 ->> 'price_id', ''),
        'user_id', v_user_id
      );
    end if;
    v_item.price_id := v_old.price_id;
    v_item.plan_type := v_old.plan_type;
    v_item.starts := v_old.current_period_start;
    v_item.ends := v_old.current_period_end;
  end if;

  -- Check what PayPal's buyer can change about a subscription that we created, down to a price of one cent. A
  -- changed subscription entitles to nothing, whatever is paid for it.
  if v_provider = 'paypal'
    and (
      coalesce((snapshot ->> 'plan_overridden')::boolean, false)
      or v_item.price_id is distinct from v_ordered_price_id
      or (snapshot ->> 'started_at')::timestamptz > apply_subscription.as_of
    )
  then
    v_payments := '[]';
    if v_status not in ('canceled', 'incomplete', 'incomplete_expired') or (snapshot ->> 'approved')::boolean then
      v_status := 'incomplete';
      perform private.raise_flag(
        'paypal_not_believed', v_provider, v_provider_id, v_user_id,
        'The subscription is not as it was created: its plan was overridden or replaced, or it starts later.', apply_subscription.as_of
      );
    end if;
  elsif v_provider = 'paypal' and (snapshot ->> 'approved')::boolean then
    -- Two approvals at once would charge twice, so it is activated only when nothing else runs.
    if exists (
      select
      from public.subscriptions as s
      where s.user_id = v_user_id
        and s.provider <> 'manual'
        and s.provider_subscription_id <> v_provider_id
        and private.is_running(s.status)
    ) then
      v_tasks := private.request_task(
        v_provider, v_provider_id, 'cancel', v_user_id, 'Another subscription of the user runs.', apply_subscription.as_of
      );
    else
      v_tasks := private.request_task(v_provider, v_provider_id, 'activate', v_user_id, 'The user has approved it.', apply_subscription.as_of);
    end if;
  end if;

  -- Write what was paid, even where this read is an older one.
  v_id := coalesce(v_old.id, gen_random_uuid());
  v_is_newer := v_old.id is null or apply_subscription.read_number > v_old.read_number;
  v_since := private.add_payments(
    v_id, v_user_id, v_provider, v_payments, snapshot -> 'changes', apply_subscription.read_number, apply_subscription.as_of
  );

  -- The last period that was paid for, and the time up to which the subscription is paid.
  select p.paid_from, p.paid_through, p.refunded_at
  into v_paid
  from private.payments as p
  where p.subscription_id = v_id
    and p.paid_from is not null
  order by p.paid_from desc, p.refunded_at desc nulls first
  limit 1;

  if v_paid.refunded_at is null then
    v_paid_through := v_paid.paid_through;
  else
    select least(p.paid_through, v_paid.paid_from)
    into v_paid_through
    from private.payments as p
    where p.subscription_id = v_id
      and p.paid_from is not null
      and p.refunded_at is null
    order by p.paid_from desc
    limit 1;
  end if;

  if not v_is_newer then
    if v_since is not null then
      if v_paid_through is distinct from v_old.paid_through then
        update public.subscriptions as s
        set paid_through = v_paid_through
        where s.id = v_id;
      end if;
      perform private.settle_months(v_id, v_since, apply_subscription.as_of);
      perform private.revoke_for_lost_dispute(v_id, apply_subscription.as_of);
    end if;
    return jsonb_build_object('outcome', 'processed', 'user_id', v_user_id, 'tasks', v_tasks);
  end if;

  -- Write the subscription. PayPal's period is the one that was paid for, and none before a payment.
  v_start := case when v_provider = 'paypal' then v_paid.paid_from else v_item.starts end;
  v_end := case when v_provider = 'paypal' then v_paid.paid_through else v_item.ends end;

  -- The grace period starts with the period that is unpaid, so that no retry moves it.
  if v_status = 'past_due' then
    v_unpaid_since := coalesce(
      (snapshot ->> 'unpaid_since')::timestamptz,
      case
        when v_provider = 'paypal' then v_paid.paid_through
        when v_paid.paid_from is distinct from v_start and (v_paid.paid_through is null or v_paid.paid_through <= v_start) then v_start
      end
    );
  end if;

  -- It is cancelled and its money was refunded, so it ends now.
  if v_status in ('active', 'past_due')
    and v_cancel_at is not null
    and v_paid.refunded_at is not null
    and v_paid.paid_through > apply_subscription.as_of
    and coalesce(v_paid_through <= apply_subscription.as_of, true)
  then
    v_status := 'canceled';
    v_ended_at := greatest(v_paid.refunded_at, v_paid_through);
  end if;

  if v_status in ('canceled', 'incomplete_expired') then
    v_ended_at := coalesce(v_ended_at, v_old.ended_at, apply_subscription.as_of);
  end if;

  if v_old.id is null then
    insert into public.subscriptions (
      id, user_id, status, provider, provider_subscription_id, plan_type, price_id, current_period_start, current_period_end,
      cancel_at, grace_until, ended_at, paid_through, livemode, read_number
    )
    values (
      v_id, v_user_id, v_status, v_provider, v_provider_id, v_item.plan_type, v_item.price_id, v_start, v_end,
      v_cancel_at, v_unpaid_since + interval '168 hours', v_ended_at, v_paid_through, (snapshot ->> 'livemode')::boolean,
      apply_subscription.read_number
    );
    v_since := '-infinity';
  else
    update public.subscriptions as s
    set status = v_status,
        plan_type = v_item.plan_type,
        price_id = v_item.price_id,
        current_period_start = v_start,
        current_period_end = v_end,
        cancel_at = v_cancel_at,
        grace_until = v_unpaid_since + interval '168 hours',
        ended_at = v_ended_at,
        paid_through = v_paid_through,
        livemode = (snapshot ->> 'livemode')::boolean,
        read_number = apply_subscription.read_number
    where s.id = v_id;
  end if;

  -- Its terms are written only where they have changed, so that a renewal writes one row less.
  insert into private.subscription_terms as t (subscription_id, started_at, discount_percent, discount_amount)
  values (
    v_id,
    (snapshot ->> 'started_at')::timestamptz,
    coalesce((snapshot -> 'discount' ->> 'percent')::numeric, 0),
    coalesce((snapshot -> 'discount' ->> 'amount')::bigint, 0)
  )
  on conflict on constraint subscription_terms_pkey do update
    set started_at = excluded.started_at,
        discount_percent = excluded.discount_percent,
        discount_amount = excluded.discount_amount
    where (t.started_at, t.discount_percent, t.discount_amount)
      is distinct from (excluded.started_at, excluded.discount_percent, excluded.discount_amount);

  -- Write the months. A price that no line of an invoice explains has been held since now.
  if v_paid.paid_from is not null and v_old.price_id is distinct from v_item.price_id then
    select t.price_id
    into v_last_price_id
    from (
      select p.price_id, p.paid_from as since
      from private.payments as p
      where p.subscription_id = v_id
        and p.paid_from is not null
      union all
      select c.price_id, c.changed_at
      from private.plan_changes as c
      where c.subscription_id = v_id
    ) as t
    where t.since <= apply_subscription.as_of
    order by t.since desc
    limit 1;

    if v_last_price_id <> v_item.price_id then
      insert into private.plan_changes (subscription_id, changed_at, price_id)
      values (v_id, apply_subscription.as_of, v_item.price_id)
      on conflict do nothing;
      v_since := least(v_since, apply_subscription.as_of);
    end if;
  end if;

  if (v_status in ('unpaid', 'paused')) <> coalesce(v_old.status in ('unpaid', 'paused'), false) then
    perform private.note_lapse(
      v_id, v_status in ('unpaid', 'paused'), (snapshot ->> 'status_at')::timestamptz, apply_subscription.as_of
    );
    v_since := '-infinity';
  end if;

  -- Months are settled only where they, or their times, may have changed. Where an expected end did not come, the
  -- months since then are owed.
  if v_since is not null
    or v_old.next_grant_at <= apply_subscription.as_of
    or (v_old.status, v_old.cancel_at, v_old.ended_at) is distinct from (v_status, v_cancel_at, v_ended_at)
  then
    perform private.settle_months(
      v_id,
      least(v_since, v_old.next_grant_at, v_old.cancel_at, v_old.ended_at, apply_subscription.as_of),
      apply_subscription.as_of
    );
  end if;

  if v_old.status is distinct from v_status then
    perform private.watch_second_subscription(v_user_id, apply_subscription.as_of);

    if v_provider = 'paypal' and v_status in ('canceled', 'incomplete_expired') then
      update private.known_subscriptions as k
      set closed_at = coalesce(k.closed_at, v_ended_at)
      where k.provider = v_provider
        and k.subscription_id = v_provider_id;
    end if;
  end if;

  if snapshot ->> 'trial_end' is not null or v_status = 'trialing' then
    perform private.remember_use('trial', v_user_id);
  end if;

  if v_since is not null then
    perform private.revoke_for_lost_dispute(v_id, apply_subscription.as_of);
  end if;

  return jsonb_build_object('outcome', 'processed', 'user_id', v_user_id, 'tasks', v_tasks);
end;
$$;

revoke all on function private.apply_subscription from public, anon, authenticated, service_role;

-- Which user a provider's customer belongs to. This table takes precedence over whatever a payload contains: once
-- linked, a customer belongs to that user. A customer that was deleted at the provider stays linked, because events
-- about it may still arrive.
create table private.billing_customers (
  provider text not null,
  customer_id text not null,
  user_id uuid not null references public.users (id) on delete cascade,
  created_at timestamptz not null default now(),
  deleted_at timestamptz,
  constraint billing_customers_pkey primary key (provider, customer_id),
  constraint billing_customers_provider_known check (provider in ('stripe', 'paypal')),
  constraint billing_customers_customer_id_length check (char_length(customer_id) between 1 and 255)
);

create index billing_customers_user_id_idx on private.billing_customers (user_id);

create unique index billing_customers_one_per_user
  on private.billing_customers (user_id, provider)
  where deleted_at is null;

comment on table private.billing_customers is
  'The user of each customer of a payment provider. Decides to whom a subscription belongs.';

-- Keeps the ids of customers whose user is deleted.
create function private.remember_deleted_customer()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  insert into private.deleted_customers (provider, customer_id)
  values (old.provider, old.customer_id)
  on conflict do nothing;
  return null;
end;
$$;

create trigger billing_customers_remember_deleted
  after delete on private.billing_customers
  for each row
  execute function private.remember_deleted_customer();

revoke all on private.billing_customers from public, anon, authenticated, service_role;
revoke all on function private.remember_deleted_customer from public, anon, authenticated, service_role;

-- What a person must decide, because no rule can. Parked and failed events are not repeated here.
create table private.billing_flags (
  id bigint generated always as identity primary key,
  kind text not null,
  provider text not null default '',
  reference text not null,
  user_id uuid,
  reason text not null,
  since timestamptz not null default now(),
  resolved_at timestamptz,
  constraint billing_flags_once unique (kind, provider, reference),
  constraint billing_flags_kind_known check (
    kind in (
      'refund', 'dispute', 'second_subscription', 'paypal_not_believed', 'money_without_account',
      'credits_not_taken', 'credits_overflow', 'sweep_failure', 'ledger_disagreement', 'other_mode'
    )
  )
);

create index billing_flags_open_idx on private.billing_flags (since, id) where resolved_at is null;

create index billing_flags_user_id_idx on private.billing_flags (user_id);

comment on table private.billing_flags is 'What a person must look at and decide.';
comment on column private.billing_flags.reference is 'The id, at the provider or here, of what the flag is about.';
comment on column private.billing_flags.user_id is 'Not a foreign key: a flag about a deleted user stays.';

revoke all on private.billing_flags from public, anon, authenticated, service_role;

-- Finds the user of a provider's customer. A link in billing_customers decides; only where there is none, metadata
-- that we wrote may create it. Where the user is unknown, user_id is null and the outcome is parked or ignored, with
-- the reason and what the event waits for.
create function private.billing_user(
  provider text,
  customer_id text,
  claimed_user_id uuid,
  out user_id uuid,
  out outcome text,
  out reason text,
  out waits_for text
)
returns record
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  select c.user_id
  into billing_user.user_id
  from private.billing_customers as c
  where c.provider = billing_user.provider
    and c.customer_id = billing_user.customer_id;

  if billing_user.user_id is not null then
    if billing_user.claimed_user_id <> billing_user.user_id then
      billing_user.user_id := null;
      outcome := 'parked';
      reason := 'The metadata names another user than the one this customer is linked to.';
      waits_for := 'customer:' || billing_user.customer_id;
    end if;
    return;
  end if;

  if private.is_deleted_user(billing_user.claimed_user_id)
    or exists (
      select
      from private.deleted_customers as d
      where d.provider = billing_user.provider
        and d.customer_id = billing_user.customer_id
    )
  then
    outcome := 'ignored';
    reason := 'The user has deleted the account.';
    waits_for := 'deleted';
    return;
  end if;

  outcome := 'parked';
  waits_for := 'customer:' || left(billing_user.customer_id, 255);

  if billing_user.customer_id is null or char_length(billing_user.customer_id) not between 1 and 255 then
    reason := 'The customer''s id cannot be stored: it has 1 to 255 characters.';
  elsif billing_user.claimed_user_id is null then
    reason := 'No user is linked to this customer.';
  else
    insert into private.billing_customers (provider, customer_id, user_id)
    select billing_user.provider, billing_user.customer_id, u.id
    from public.users as u
    where u.id = billing_user.claimed_user_id
    on conflict do nothing;

    select c.user_id
    into billing_user.user_id
    from private.billing_customers as c
    where c.provider = billing_user.provider
      and c.customer_id = billing_user.customer_id;

    if billing_user.user_id = billing_user.claimed_user_id then
      outcome := null;
      waits_for := null;
    elsif exists (select from public.users as u where u.id = billing_user.claimed_user_id) then
      billing_user.user_id := null;
      reason := 'The metadata names a user who has another customer.';
    else
      reason := 'The metadata names a user who has no account.';
      waits_for := 'user:' || billing_user.claimed_user_id;
    end if;
  end if;
end;
$$;

revoke all on function private.billing_user from public, anon, authenticated, service_role;

-- By whatever path a user is deleted, in Studio too, they must not go on paying. So this requests that the provider
-- cancels each subscription that runs, and each approval that may still come. A subscription that ended here because
-- its money was refunded continues at the provider until its scheduled end, so it is cancelled too.
create function private.cancel_subscriptions_of_deleted_user()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform private.request_task(t.provider, t.id, 'cancel', old.id, 'The account was deleted.', now())
  from (
    select s.provider, s.provider_subscription_id as id
    from public.subscriptions as s
    where s.user_id = old.id
      and s.provider <> 'manual'
      and (private.is_running(s.status) or s.cancel_at > now())
    union
    select k.provider, k.subscription_id
    from private.known_subscriptions as k
    where k.user_id = old.id
      and k.closed_at is null
  ) as t;
  return old;
end;
$$;

create trigger users_cancel_subscriptions
  before delete on public.users
  for each row
  execute function private.cancel_subscriptions_of_deleted_user();

revoke all on function private.cancel_subscriptions_of_deleted_user from public, anon, authenticated, service_role;

-- Revokes or reinstates a subscription, and settles its months. The caller holds the lock on the user's row.
create function private.set_revoked(subscription_id uuid, is_revoked boolean, as_of timestamptz)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  update public.subscriptions as s
  set revoked_at = case when set_revoked.is_revoked then set_revoked.as_of end
  where s.id = set_revoked.subscription_id
    and (s.revoked_at is null) = set_revoked.is_revoked;

  if not found then
    return;
  elsif set_revoked.is_revoked then
    insert into private.entitlement_lapses (subscription_id, cause, lapsed_from)
    values (set_revoked.subscription_id, 'revoked', set_revoked.as_of)
    on conflict do nothing;
  else
    update private.entitlement_lapses as l
    set lapsed_until = set_revoked.as_of
    where l.subscription_id = set_revoked.subscription_id
      and l.cause = 'revoked'
      and l.lapsed_until is null;
  end if;

  perform private.settle_months(set_revoked.subscription_id, set_revoked.as_of, set_revoked.as_of);
end;
$$;

-- Revokes a subscription with a reason, or reinstates it; returns the account. An operator overrules the provider: a
-- revoked subscription entitles to nothing until it is reinstated.
create function private.change_revocation(subscription_id uuid, reason text, is_revoked boolean, as_of timestamptz)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid;
begin
  select s.user_id
  into v_user_id
  from public.subscriptions as s
  where s.id = change_revocation.subscription_id;

  if not found then
    perform private.raise_error(
      'invalid_argument', 'No subscription has this id.',
      jsonb_build_object('argument', 'subscription_id', 'value', change_revocation.subscription_id)
    );
  elsif change_revocation.is_revoked and coalesce(btrim(change_revocation.reason), '') = '' then
    perform private.raise_error('invalid_argument', 'Give the reason for revoking it.', '{"argument": "reason"}');
  elsif char_length(change_revocation.reason) > 4000 then
    perform private.raise_error(
      'invalid_argument', 'The reason is too long: shorten it.', '{"argument": "reason", "maximum": 4000}'
    );
  end if;

  perform private.lock_account(v_user_id);

  perform private.set_revoked(change_revocation.subscription_id, change_revocation.is_revoked, change_revocation.as_of);

  if change_revocation.is_revoked then
    update private.entitlement_lapses as l
    set reason = change_revocation.reason
    where l.subscription_id = change_revocation.subscription_id
      and l.cause = 'revoked'
      and l.lapsed_until is null;
  end if;

  return private.account_document(v_user_id);
end;
$$;

create function public.revoke_subscription(subscription_id uuid, reason text)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.change_revocation(subscription_id, reason, true, now());
end;

comment on function public.revoke_subscription(uuid, text) is
  'Takes away what a subscription entitles to, whatever the provider reports, until it is reinstated; returns the account.';

create function public.reinstate_subscription(subscription_id uuid)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.change_revocation(subscription_id, null, false, now());
end;

comment on function public.reinstate_subscription(uuid) is
  'Gives a revoked subscription back what it entitles to; returns the account.';

revoke all on function
  private.set_revoked,
  private.change_revocation,
  public.revoke_subscription,
  public.reinstate_subscription
  from public, anon, authenticated, service_role;
grant execute on function private.change_revocation, public.revoke_subscription, public.reinstate_subscription
  to service_role;

-- The one open checkout of a user. `attempt` is the idempotency key at the provider, so that two clicks at once
-- create one session; `fingerprint` describes what was requested.
create table private.checkouts (
  user_id uuid primary key references public.users (id) on delete cascade,
  attempt uuid not null default gen_random_uuid(),
  provider text not null,
  fingerprint text not null,
  price_id uuid not null references public.prices (id) on delete cascade,
  trial_days integer not null default 0,
  user_coupon_id uuid references public.user_coupons (id) on delete set null,
  session_id text,
  url text,
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  constraint checkouts_session_id_key unique (session_id),
  constraint checkouts_provider_known check (provider in ('stripe', 'paypal'))
);

create index checkouts_price_id_idx on private.checkouts (price_id);

create index checkouts_user_coupon_id_idx on private.checkouts (user_coupon_id);

comment on table private.checkouts is 'The open checkout of each user: at most one, or one person could subscribe twice.';

revoke all on private.checkouts from public, anon, authenticated, service_role;

-- Customers whose user has deleted the account. Late events about them change nothing here, but a subscription that
-- still takes their money must be cancelled.
create table private.deleted_customers (
  provider text not null,
  customer_id text not null,
  deleted_at timestamptz not null default now(),
  constraint deleted_customers_pkey primary key (provider, customer_id)
);

comment on table private.deleted_customers is 'Customers whose user is deleted; late events about them are ignored.';

revoke all on private.deleted_customers from public, anon, authenticated, service_role;

-- Ends a subscription that the provider no longer has: {outcome, reason, user_id}.
create function private.end_missing_subscription(snapshot jsonb, read_number bigint, as_of timestamptz)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid;
  v_id uuid;
begin
  update private.known_subscriptions as k
  set closed_at = coalesce(k.closed_at, end_missing_subscription.as_of)
  where k.provider = snapshot ->> 'provider'
    and k.subscription_id = snapshot ->> 'id';

  select s.user_id, s.id
  into v_user_id, v_id
  from public.subscriptions as s
  where s.provider = snapshot ->> 'provider'
    and s.provider_subscription_id = snapshot ->> 'id';

  if v_id is null then
    return jsonb_build_object('outcome', 'ignored', 'reason', 'Neither the provider nor we have this subscription.');
  end if;

  perform private.lock_account(v_user_id);

  update public.subscriptions as s
  set status = 'canceled',
      ended_at = coalesce(s.ended_at, end_missing_subscription.as_of),
      read_number = end_missing_subscription.read_number
  where s.id = v_id
    and s.read_number < end_missing_subscription.read_number;

  perform private.settle_months(v_id, '-infinity', end_missing_subscription.as_of);
  perform private.watch_second_subscription(v_user_id, end_missing_subscription.as_of);
  return jsonb_build_object('outcome', 'processed', 'user_id', v_user_id);
end;
$$;

revoke all on function private.end_missing_subscription from public, anon, authenticated, service_role;

-- Times in which a subscription entitled to nothing although it may have been paid for. A month that starts in one
-- grants no credits, even after it has ended.
create table private.entitlement_lapses (
  subscription_id uuid not null references public.subscriptions (id) on delete cascade deferrable initially deferred,
  cause text not null,
  lapsed_from timestamptz not null,
  lapsed_until timestamptz,
  reason text,
  constraint entitlement_lapses_pkey primary key (subscription_id, cause, lapsed_from),
  constraint entitlement_lapses_cause_known check (cause in ('status', 'revoked'))
);

comment on table private.entitlement_lapses is 'Times in which a subscription was unpaid, paused or revoked.';
comment on column private.entitlement_lapses.lapsed_until is 'Null while it lasts.';
comment on column private.entitlement_lapses.reason is 'Why an operator revoked it.';

revoke all on private.entitlement_lapses from public, anon, authenticated, service_role;

-- A user has at most one manual subscription: granting again changes its end, and an end in the past ends it.
create function private.grant_premium(user_id uuid, plan_type text, until timestamptz, as_of timestamptz)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if not private.lock_account(grant_premium.user_id) then
    perform private.raise_error('user_not_found', 'No account has this id.', jsonb_build_object('user_id', grant_premium.user_id));
  end if;

  if not exists (select from public.plans as p where p.plan_type = grant_premium.plan_type and p.is_premium) then
    perform private.raise_error(
      'invalid_argument', 'Choose a premium plan.', jsonb_build_object('argument', 'plan_type', 'value', grant_premium.plan_type)
    );
  end if;

  if grant_premium.until is null then
    perform private.raise_error('invalid_argument', 'Give the time until which premium is granted.', jsonb_build_object('argument', 'until'));
  end if;

  insert into public.subscriptions as s (
    user_id, status, provider, provider_subscription_id, plan_type, current_period_start, current_period_end, cancel_at
  )
  values (
    grant_premium.user_id,
    'active',
    'manual',
    'manual:' || grant_premium.user_id,
    grant_premium.plan_type,
    grant_premium.as_of,
    grant_premium.until,
    grant_premium.until
  )
  on conflict (provider, provider_subscription_id) do update
    set plan_type = excluded.plan_type,
        current_period_end = excluded.current_period_end,
        cancel_at = excluded.cancel_at,
        ended_at = null,
        revoked_at = null,
        status = 'active';

  return private.account_document(grant_premium.user_id);
end;
$$;

create function public.grant_premium(user_id uuid, plan_type text, until timestamptz)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.grant_premium(user_id, plan_type, until, now());
end;

comment on function public.grant_premium(uuid, text, timestamptz) is
  'Makes a user premium until a time by a subscription of provider manual; returns the account. A time in the past ends it.';

revoke all on function private.grant_premium, public.grant_premium from public, anon, authenticated, service_role;
grant execute on function private.grant_premium, public.grant_premium to service_role;

-- The months of each subscription for which credits were granted, and how many.
create table private.granted_months (
  subscription_id uuid not null references public.subscriptions (id) on delete cascade,
  month_start timestamptz not null,
  credits integer not null,
  constraint granted_months_pkey primary key (subscription_id, month_start)
);

comment on table private.granted_months is 'The subscription months whose credits were granted.';

revoke all on private.granted_months from public, anon, authenticated, service_role;

-- Whether a subscription of this status may take money again.
create function private.is_running(status text)
returns boolean
language sql
immutable
security invoker
set search_path = ''
return is_running.status in ('trialing', 'active', 'past_due', 'unpaid', 'paused');

revoke all on function private.is_running from public, anon, authenticated, service_role;

-- The PayPal subscriptions that we created. No other one is believed: anybody can subscribe to our plans on PayPal's
-- own pages, with a price of their own and another user's id. A row outlives its checkout and its user, because an
-- approval may come late.
create table private.known_subscriptions (
  provider text not null,
  subscription_id text not null,
  user_id uuid not null,
  price_id uuid not null references public.prices (id) on delete restrict,
  opened_at timestamptz not null default now(),
  closed_at timestamptz,
  constraint known_subscriptions_pkey primary key (provider, subscription_id),
  constraint known_subscriptions_provider_known check (provider = 'paypal')
);

create index known_subscriptions_user_id_idx on private.known_subscriptions (user_id);

create index known_subscriptions_price_id_idx on private.known_subscriptions (price_id);

create index known_subscriptions_open_idx on private.known_subscriptions (provider, subscription_id) where closed_at is null;

comment on table private.known_subscriptions is 'PayPal subscriptions that create-paypal-subscription created: only these are believed.';
comment on column private.known_subscriptions.user_id is 'Not a foreign key: it outlives the user, so that a late approval is recognised as one of a deleted user.';
comment on column private.known_subscriptions.closed_at is 'When a read or an event showed that it had ended.';

revoke all on private.known_subscriptions from public, anon, authenticated, service_role;

-- Returns the months of credits in one paid period of a price; null for a pack.
create function private.months_of(interval_name text, interval_count integer)
returns integer
language sql
immutable
security invoker
set search_path = ''
return case months_of.interval_name when 'year' then 12 when 'month' then 1 end * months_of.interval_count;

-- Returns the same moment some months later, clamped to the month's end. It is counted from the start, or the 31st
-- would become the 28th for good; and in UTC, or the month would depend on the database's time zone.
create function private.month_after(start timestamptz, months integer)
returns timestamptz
language sql
immutable
security invoker
set search_path = ''
return (month_after.start at time zone 'UTC' + make_interval(months => month_after.months)) at time zone 'UTC';

revoke all on function private.months_of, private.month_after from public, anon, authenticated, service_role;

-- Changes a balance together with its ledger, and returns the change that was made. The caller holds the lock on the
-- user's row and knows that this change is new, so no unique key has to refuse it. A balance that cannot hold all
-- credits takes what fits, because one such account must not stop the others.
create function private.move_credits(
  user_id uuid,
  kind text,
  delta integer,
  reason text,
  idempotency_key text,
  as_of timestamptz
)
returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_before integer;
  v_after integer;
begin
  select u.credits
  into v_before
  from public.users as u
  where u.id = move_credits.user_id;

  v_after := least(greatest(v_before::bigint + move_credits.delta, 0), 2147483647);

  if v_after <> v_before then
    update public.users as u
    set credits = v_after
    where u.id = move_credits.user_id;

    insert into public.credit_transactions (user_id, kind, delta, balance_after, reason, idempotency_key)
    values (
      move_credits.user_id,
      move_credits.kind,
      v_after - v_before,
      v_after,
      move_credits.reason,
      move_credits.idempotency_key
    );
  end if;

  if v_after - v_before < move_credits.delta then
    perform private.raise_flag(
      'credits_overflow',
      '',
      move_credits.idempotency_key,
      move_credits.user_id,
      format('The balance could hold only %s of %s credits.', v_after - v_before, move_credits.delta),
      move_credits.as_of
    );
  end if;

  return v_after - v_before;
end;
$$;

revoke all on function private.move_credits from public, anon, authenticated, service_role;

-- Starts or ends a time in which the status of a subscription entitles to nothing. It ends when the debt was paid,
-- which may be before we received the event.
create function private.note_lapse(subscription_id uuid, has_lapsed boolean, status_at timestamptz, as_of timestamptz)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if note_lapse.has_lapsed then
    insert into private.entitlement_lapses (subscription_id, cause, lapsed_from)
    values (note_lapse.subscription_id, 'status', coalesce(note_lapse.status_at, note_lapse.as_of))
    on conflict do nothing;
  else
    update private.entitlement_lapses as l
    set lapsed_until = greatest(
      l.lapsed_from,
      coalesce(
        note_lapse.status_at,
        (
          select max(p.paid_at)
          from private.payments as p
          where p.subscription_id = note_lapse.subscription_id
            and p.paid_at >= l.lapsed_from
            and p.paid_at <= note_lapse.as_of
        ),
        note_lapse.as_of
      )
    )
    where l.subscription_id = note_lapse.subscription_id
      and l.cause = 'status'
      and l.lapsed_until is null;
  end if;
end;
$$;

revoke all on function private.note_lapse from public, anon, authenticated, service_role;

-- Refunds and disputes of both providers. They outlive their user, because they are about money.
create table private.payment_incidents (
  provider text not null,
  incident_id text not null,
  kind text not null,
  payment_id text,
  user_id uuid references public.users (id) on delete set null,
  amount bigint not null,
  currency text not null,
  status text not null,
  reason text,
  due_at timestamptz,
  created_at timestamptz not null,
  closed_at timestamptz,
  read_number bigint not null,
  -- A lost dispute revokes once: what an operator has reinstated stays reinstated.
  has_revoked boolean not null default false,
  constraint payment_incidents_pkey primary key (provider, kind, incident_id),
  constraint payment_incidents_provider_known check (provider in ('stripe', 'paypal')),
  constraint payment_incidents_kind_known check (kind in ('refund', 'dispute'))
);

create index payment_incidents_payment_idx on private.payment_incidents (provider, payment_id);

create index payment_incidents_user_id_idx on private.payment_incidents (user_id);

create index payment_incidents_created_at_idx on private.payment_incidents (created_at);

comment on table private.payment_incidents is 'Refunds and disputes, as the provider last reported them.';
comment on column private.payment_incidents.due_at is 'Until when a dispute must be answered.';
comment on column private.payment_incidents.status is 'The status as the provider names it, in lower case.';

revoke all on private.payment_incidents from public, anon, authenticated, service_role;

-- Moves to another price within a paid period: reported by proration lines, or seen in a read that no line explains.
create table private.plan_changes (
  subscription_id uuid not null references public.subscriptions (id) on delete cascade deferrable initially deferred,
  changed_at timestamptz not null,
  price_id uuid not null references public.prices (id) on delete restrict,
  constraint plan_changes_pkey primary key (subscription_id, changed_at, price_id)
);

create index plan_changes_price_id_idx on private.plan_changes (price_id);

comment on table private.plan_changes is 'Times at which a subscription moved to another price within a paid period.';

revoke all on private.plan_changes from public, anon, authenticated, service_role;

-- What must be done at a provider after the transaction that decided it. If a function is cut off before it has done
-- so, the row is left for the next one.
create table private.provider_tasks (
  id bigint generated always as identity primary key,
  provider text not null,
  subscription_id text not null,
  action text not null,
  user_id uuid,
  reason text not null,
  requested_at timestamptz not null default now(),
  attempts integer not null default 0,
  error text,
  retry_at timestamptz,
  done_at timestamptz,
  constraint provider_tasks_provider_known check (provider in ('stripe', 'paypal')),
  constraint provider_tasks_action_known check (action in ('cancel', 'activate', 'email'))
);

create unique index provider_tasks_open_idx
  on private.provider_tasks (provider, subscription_id, action)
  where done_at is null;

comment on table private.provider_tasks is 'What must be done at a provider: cancel or activate a subscription, or change a customer''s email.';
comment on column private.provider_tasks.subscription_id is 'The provider''s id of the subscription; with the action email, of the customer.';
comment on column private.provider_tasks.user_id is 'Not a foreign key: the user may be deleted.';

revoke all on private.provider_tasks from public, anon, authenticated, service_role;

-- Flags something for a person, once. A resolved flag stays resolved unless `reopen` is set.
create function private.raise_flag(
  kind text,
  provider text,
  reference text,
  user_id uuid,
  reason text,
  as_of timestamptz,
  reopen boolean default false
)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  insert into private.billing_flags as f (kind, provider, reference, user_id, reason, since)
  values (
    raise_flag.kind, coalesce(raise_flag.provider, ''), raise_flag.reference, raise_flag.user_id, raise_flag.reason, raise_flag.as_of
  )
  on conflict on constraint billing_flags_once do update
    set reason = excluded.reason,
        user_id = coalesce(excluded.user_id, f.user_id),
        since = case when raise_flag.reopen and f.resolved_at is not null then excluded.since else f.since end,
        resolved_at = case when raise_flag.reopen then null else f.resolved_at end
    where f.reason <> excluded.reason
      or (raise_flag.reopen and f.resolved_at is not null);
end;
$$;

revoke all on function private.raise_flag from public, anon, authenticated, service_role;

-- Each read of a provider draws a number before the request is sent. A subscription is written only by a read with a
-- higher number than its row's, so a slow read cannot overwrite a newer one. The numbers stay exact in JavaScript,
-- below 2^53.
create sequence private.read_numbers as bigint start with 1000000000000000;

-- Draws the number of a read without an event: for a success page, for support, or for a reconciliation after an
-- outage. It is drawn before the request to the provider.
create function private.next_read_number()
returns text
language sql
volatile
security definer
set search_path = ''
begin atomic
  select nextval('private.read_numbers')::text;
end;

create function public.next_read_number()
returns text
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.next_read_number();
end;

comment on function public.next_read_number() is
  'Internal. Draws the number of a read of a provider, as text. Called before the read.';

revoke all on sequence private.read_numbers from public, anon, authenticated, service_role;
revoke all on function private.next_read_number, public.next_read_number from public, anon, authenticated, service_role;
grant execute on function private.next_read_number, public.next_read_number to service_role;

-- Records the refunds and disputes of a payment, and flags them.
create function private.record_incidents(
  provider text,
  payment_id text,
  user_id uuid,
  refunds jsonb,
  disputes jsonb,
  read_number bigint,
  as_of timestamptz
)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_incident record;
begin
  for v_incident in
    select
      t.kind, t.incident ->> 'id' as id, (t.incident ->> 'amount')::bigint as amount, lower(t.incident ->> 'currency') as currency,
      lower(t.incident ->> 'status') as status, t.incident ->> 'reason' as reason, (t.incident ->> 'due_at')::timestamptz as due_at,
      coalesce((t.incident ->> 'created_at')::timestamptz, record_incidents.as_of) as created_at,
      (t.incident ->> 'closed_at')::timestamptz as closed_at
    from (
      select 'refund' as kind, r.incident
      from jsonb_array_elements(record_incidents.refunds) as r (incident)
      where jsonb_typeof(record_incidents.refunds) = 'array'
      union all
      select 'dispute', d.incident
      from jsonb_array_elements(record_incidents.disputes) as d (incident)
      where jsonb_typeof(record_incidents.disputes) = 'array'
    ) as t
  loop
    insert into private.payment_incidents as i (
      provider, incident_id, kind, payment_id, user_id, amount, currency, status, reason, due_at, created_at, closed_at, read_number
    )
    values (
      record_incidents.provider, v_incident.id, v_incident.kind, record_incidents.payment_id, record_incidents.user_id,
      coalesce(v_incident.amount, 0), coalesce(v_incident.currency, ''), coalesce(v_incident.status, ''), v_incident.reason,
      v_incident.due_at, v_incident.created_at, v_incident.closed_at, record_incidents.read_number
    )
    on conflict on constraint payment_incidents_pkey do update
      set payment_id = coalesce(excluded.payment_id, i.payment_id),
          user_id = coalesce(excluded.user_id, i.user_id),
          amount = excluded.amount,
          status = excluded.status,
          reason = coalesce(excluded.reason, i.reason),
          due_at = coalesce(excluded.due_at, i.due_at),
          closed_at = coalesce(excluded.closed_at, i.closed_at),
          read_number = excluded.read_number
      where excluded.read_number >= i.read_number;

    if not found then
      continue;
    elsif v_incident.kind = 'dispute' then
      perform private.raise_flag(
        'dispute',
        record_incidents.provider,
        v_incident.id,
        record_incidents.user_id,
        format(
          '%s %s are disputed (%s, %s)%s.',
          v_incident.amount, v_incident.currency, coalesce(v_incident.reason, 'no reason given'), v_incident.status,
          coalesce(', to be answered by ' || to_char(v_incident.due_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC', '')
        ),
        v_incident.created_at
      );
      if v_incident.status in ('won', 'warning_closed', 'prevented') then
        update private.billing_flags as f
        set resolved_at = record_incidents.as_of
        where f.kind = 'dispute'
          and f.provider = record_incidents.provider
          and f.reference = v_incident.id
          and f.resolved_at is null;
      end if;
    elsif v_incident.status in ('succeeded', 'completed') then
      perform private.raise_flag(
        'refund',
        record_incidents.provider,
        v_incident.id,
        record_incidents.user_id,
        format('%s %s were refunded (%s).', v_incident.amount, v_incident.currency, coalesce(v_incident.reason, 'no reason given')),
        v_incident.created_at
      );
    end if;
  end loop;
end;
$$;

-- Derives from refunds and lost disputes how much of a payment came back, and since when it is refunded in full.
create function private.refresh_refunded(provider text, payment_id text)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  update private.payments as p
  set refunded = least(p.amount, i.total),
      refunded_at = case when p.amount > 0 and i.refunds >= p.amount then i.last_refund end
  from (
    select
      coalesce(sum(t.amount), 0) as total,
      coalesce(sum(t.amount) filter (where t.kind = 'refund'), 0) as refunds,
      max(t.created_at) filter (where t.kind = 'refund') as last_refund
    from private.payment_incidents as t
    where t.provider = refresh_refunded.provider
      and t.payment_id = refresh_refunded.payment_id
      and (
        (t.kind = 'refund' and t.status in ('succeeded', 'completed'))
        or (t.kind = 'dispute' and t.status = 'lost')
      )
  ) as i
  where p.provider = refresh_refunded.provider
    and p.payment_id = refresh_refunded.payment_id;
end;
$$;

revoke all on function private.record_incidents, private.refresh_refunded
  from public, anon, authenticated, service_role;

-- Returns until when one subscription entitles its user; null for not at all. A period that will renew entitles for
-- three days more, because the renewal's webhook may be late; one with a scheduled end entitles exactly to that end.
-- A failed invoice never takes away time that was paid for.
--
-- The three days are 72 hours, because adding a day to a timestamptz uses the session's time zone: the result would
-- be an hour off across a change of summer time.
create function private.entitled_until(
  status text,
  current_period_end timestamptz,
  cancel_at timestamptz,
  grace_until timestamptz,
  paid_through timestamptz,
  revoked_at timestamptz
)
returns timestamptz
language sql
immutable
security invoker
set search_path = ''
return case
  when entitled_until.revoked_at is not null then null
  when entitled_until.status in ('trialing', 'active')
    then least(entitled_until.current_period_end + interval '72 hours', entitled_until.cancel_at)
  when entitled_until.status = 'past_due'
    then least(greatest(entitled_until.grace_until, entitled_until.paid_through), entitled_until.cancel_at)
end;

-- Derives users.premium_until from the user's subscriptions: the latest end counts. Nothing else writes it.
create function private.refresh_premium(user_id uuid)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_until timestamptz;
begin
  select max(private.entitled_until(s.status, s.current_period_end, s.cancel_at, s.grace_until, s.paid_through, s.revoked_at))
  into v_until
  from public.subscriptions as s
  join public.plans as p on p.plan_type = s.plan_type
  where s.user_id = refresh_premium.user_id
    and p.is_premium;

  update public.users as u
  set premium_until = v_until
  where u.id = refresh_premium.user_id
    and u.premium_until is distinct from v_until;
end;
$$;

-- Premium follows every change of a subscription in the same transaction, by whatever path: an operator who sets a
-- row to canceled ends its premium.
create function private.follow_subscription()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if tg_op <> 'INSERT' then
    perform private.refresh_premium(old.user_id);
  end if;
  if tg_op = 'INSERT' or (tg_op = 'UPDATE' and new.user_id <> old.user_id) then
    perform private.refresh_premium(new.user_id);
  end if;
  return null;
end;
$$;

create trigger subscriptions_premium_follows
  after insert or delete on public.subscriptions
  for each row
  execute function private.follow_subscription();

create trigger subscriptions_premium_follows_changes
  after update on public.subscriptions
  for each row
  when (
    (old.user_id, old.status, old.plan_type, old.current_period_end, old.cancel_at, old.grace_until, old.paid_through, old.revoked_at)
    is distinct from
    (new.user_id, new.status, new.plan_type, new.current_period_end, new.cancel_at, new.grace_until, new.paid_through, new.revoked_at)
  )
  execute function private.follow_subscription();

revoke all on function private.entitled_until, private.refresh_premium, private.follow_subscription
  from public, anon, authenticated, service_role;

-- Handles a subscription whose user is deleted and still pays: it must be cancelled at the provider, and money that
-- came after the deletion is flagged. Returns {outcome: ignored, reason, tasks}.
create function private.refuse_deleted_user(snapshot jsonb, user_id uuid, as_of timestamptz)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_provider text := snapshot ->> 'provider';
  v_deleted_at timestamptz;
  v_paid jsonb;
  v_tasks jsonb := '[]';
begin
  select coalesce(
    (select d.deleted_at from private.deleted_users as d where d.user_id = refuse_deleted_user.user_id),
    (
      select d.deleted_at
      from private.deleted_customers as d
      where d.provider = v_provider
        and d.customer_id = snapshot ->> 'customer_id'
    )
  )
  into v_deleted_at;

  if (private.is_running(snapshot ->> 'status') and snapshot ->> 'cancel_at' is null)
    or (snapshot ->> 'approved')::boolean
  then
    v_tasks := private.request_task(
      v_provider, snapshot ->> 'id', 'cancel', refuse_deleted_user.user_id, 'The account was deleted.', refuse_deleted_user.as_of
    );
  end if;

  for v_paid in
    select t.payment
    from jsonb_array_elements(snapshot -> 'payments') as t (payment)
    where jsonb_typeof(snapshot -> 'payments') = 'array'
      and (t.payment ->> 'paid_at')::timestamptz > v_deleted_at
      and (t.payment ->> 'amount')::bigint > 0
  loop
    perform private.raise_flag(
      'money_without_account',
      v_provider,
      v_paid ->> 'id',
      refuse_deleted_user.user_id,
      format('%s %s were paid for %s after the account was deleted.', v_paid ->> 'amount', v_paid ->> 'currency', snapshot ->> 'id'),
      (v_paid ->> 'paid_at')::timestamptz
    );
  end loop;

  return jsonb_build_object('outcome', 'ignored', 'reason', 'The user has deleted the account.', 'tasks', v_tasks);
end;
$$;

revoke all on function private.refuse_deleted_user from public, anon, authenticated, service_role;

-- Receipts must go to the account's present address. The change is only requested here and made by the next function
-- that calls the provider, because a change of email must never wait for a provider.
create function private.request_new_email()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform private.request_task(c.provider, c.customer_id, 'email', new.id, 'The email of the account has changed.', now())
  from private.billing_customers as c
  where c.user_id = new.id
    and c.provider = 'stripe'
    and c.deleted_at is null;
  return null;
end;
$$;

create trigger users_request_new_email
  after update of email on public.users
  for each row
  when (old.email is distinct from new.email)
  execute function private.request_new_email();

revoke all on function private.request_new_email from public, anon, authenticated, service_role;

-- Requests that something is done at a provider, once while it is open; returns the task in an array.
create function private.request_task(
  provider text,
  subscription_id text,
  action text,
  user_id uuid,
  reason text,
  as_of timestamptz
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_task record;
begin
  insert into private.provider_tasks as t (provider, subscription_id, action, user_id, reason, requested_at)
  values (
    request_task.provider,
    request_task.subscription_id,
    request_task.action,
    request_task.user_id,
    request_task.reason,
    request_task.as_of
  )
  on conflict (provider, subscription_id, action) where done_at is null do update
    set reason = excluded.reason
  returning t.id, t.requested_at, t.attempts into v_task;

  return jsonb_build_array(jsonb_build_object(
    'id', v_task.id,
    'provider', request_task.provider,
    'subscription_id', request_task.subscription_id,
    'action', request_task.action,
    'reason', request_task.reason,
    'requested_at', v_task.requested_at,
    'attempts', v_task.attempts
  ));
end;
$$;

revoke all on function private.request_task from public, anon, authenticated, service_role;

-- Revokes a subscription for which a payment was lost in a dispute, once for each dispute.
create function private.revoke_for_lost_dispute(subscription_id uuid, as_of timestamptz)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_lost record;
begin
  select i.provider, i.incident_id
  into v_lost
  from private.payments as p
  join private.payment_incidents as i
    on i.provider = p.provider
    and i.payment_id = p.payment_id
  where p.subscription_id = revoke_for_lost_dispute.subscription_id
    and i.kind = 'dispute'
    and i.status = 'lost'
    and not i.has_revoked
  limit 1;

  if found then
    update private.payment_incidents as i
    set has_revoked = true
    where i.provider = v_lost.provider
      and i.kind = 'dispute'
      and i.incident_id = v_lost.incident_id;

    perform private.set_revoked(revoke_for_lost_dispute.subscription_id, true, revoke_for_lost_dispute.as_of);
  end if;
end;
$$;

revoke all on function private.revoke_for_lost_dispute from public, anon, authenticated, service_role;

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

-- What a read reports about a subscription that only the figures of billing_overview() need. It is a table of its
-- own, because neither premium nor credits depend on it.
create table private.subscription_terms (
  subscription_id uuid primary key references public.subscriptions (id) on delete cascade,
  started_at timestamptz,
  discount_percent numeric not null default 0,
  discount_amount bigint not null default 0,
  constraint subscription_terms_discount_percent_range check (discount_percent between 0 and 100),
  constraint subscription_terms_discount_amount_not_negative check (discount_amount >= 0)
);

create index subscription_terms_started_at_idx on private.subscription_terms (started_at);

comment on table private.subscription_terms is 'When each subscription started, and the recurring discount on its price.';
comment on column private.subscription_terms.discount_amount is
  'Subtracted from the price of each period after the percentage, in the smallest unit.';

revoke all on private.subscription_terms from public, anon, authenticated, service_role;

-- Returns the text as a uuid; null where it is none. Metadata can hold any text, and a cast that fails would make
-- the event fail at every retry.
create function private.uuid_or_null(value text)
returns uuid
language sql
immutable
security invoker
set search_path = ''
return case
  when uuid_or_null.value ~ '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$'
    then uuid_or_null.value::uuid
end;

revoke all on function private.uuid_or_null from public, anon, authenticated, service_role;

-- Flags each running subscription of a user beyond the first, while both run, and resolves the flags of those that
-- ended.
create function private.watch_second_subscription(user_id uuid, as_of timestamptz)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_running record;
  v_count integer := 0;
begin
  for v_running in
    select s.id, s.provider, s.provider_subscription_id
    from public.subscriptions as s
    where s.user_id = watch_second_subscription.user_id
      and s.provider <> 'manual'
      and private.is_running(s.status)
    order by s.created_at, s.id
  loop
    v_count := v_count + 1;
    continue when v_count = 1;
    perform private.raise_flag(
      'second_subscription',
      v_running.provider,
      v_running.provider_subscription_id,
      watch_second_subscription.user_id,
      'The user has another running subscription and is charged for both.',
      watch_second_subscription.as_of,
      true
    );
  end loop;

  update private.billing_flags as f
  set resolved_at = watch_second_subscription.as_of
  where f.kind = 'second_subscription'
    and f.user_id = watch_second_subscription.user_id
    and f.resolved_at is null
    and (
      v_count <= 1
      or not exists (
        select
        from public.subscriptions as s
        where s.provider = f.provider
          and s.provider_subscription_id = f.reference
          and private.is_running(s.status)
      )
    );
end;
$$;

revoke all on function private.watch_second_subscription from public, anon, authenticated, service_role;
