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
