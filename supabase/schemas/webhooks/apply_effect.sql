-- Writes what an event means: {outcome, reason, user_id, waits_for, tasks}, outcome one of processed, ignored,
-- parked. It runs in the transaction that settles the event, and may run any number of times.
create function private.apply_effect(provider text, effect jsonb, read_number bigint, as_of timestamptz)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_kind text := effect ->> 'kind';
  v_user_id uuid;
  v_who record;
  v_result jsonb;
  v_one jsonb;
  v_tasks jsonb := '[]';
begin
  case v_kind
    when 'ignored', 'parked' then
      -- The keys of one mode, test or live, cannot read the payments of the other.
      if effect ->> 'other_mode' is not null then
        perform private.raise_flag(
          'other_mode', apply_effect.provider, effect ->> 'other_mode', null,
          format('Events of the %s mode arrive, and the functions have the keys of the other.', effect ->> 'other_mode'),
          apply_effect.as_of, true
        );
      end if;
      return jsonb_build_object('outcome', v_kind, 'reason', effect ->> 'reason', 'waits_for', effect ->> 'waits_for');

    when 'subscription' then
      return private.apply_subscription(effect -> 'snapshot', apply_effect.read_number, apply_effect.as_of);

    when 'purchase' then
      return private.apply_purchase(effect -> 'purchase', apply_effect.read_number, apply_effect.as_of);

    when 'checkout' then
      if apply_effect.provider = 'paypal' then
        select k.user_id
        into v_user_id
        from private.known_subscriptions as k
        where k.provider = 'paypal'
          and k.subscription_id = effect ->> 'session_id';
      else
        select w.user_id, w.outcome, w.reason, w.waits_for
        into v_who
        from private.billing_user(
          apply_effect.provider, effect ->> 'customer_id', private.uuid_or_null(effect ->> 'user_id')
        ) as w;
        v_user_id := v_who.user_id;
        v_result := jsonb_build_object(
          'outcome', coalesce(v_who.outcome, 'ignored'), 'reason', v_who.reason, 'waits_for', nullif(v_who.waits_for, 'deleted')
        );
      end if;

      if v_user_id is not null then
        -- Lock the user's row before the checkout that belongs to it.
        perform private.lock_account(v_user_id);

        -- The event arrived before the function that created the session recorded its id.
        perform private.open_checkout(c.attempt, effect ->> 'session_id', null, null, apply_effect.as_of)
        from private.checkouts as c
        where c.attempt = private.uuid_or_null(effect ->> 'attempt')
          and c.user_id = v_user_id
          and c.session_id is null;

        perform private.end_checkout(v_user_id, effect ->> 'session_id', (effect ->> 'completed')::boolean, apply_effect.as_of);
      end if;

      if jsonb_typeof(effect -> 'snapshot') = 'object' then
        return private.apply_subscription(effect -> 'snapshot', apply_effect.read_number, apply_effect.as_of);
      elsif jsonb_typeof(effect -> 'purchase') = 'object' then
        return private.apply_purchase(effect -> 'purchase', apply_effect.read_number, apply_effect.as_of);
      elsif v_user_id is null then
        return coalesce(v_result, '{"outcome": "ignored", "reason": "We did not create this subscription."}');
      end if;
      return jsonb_build_object('outcome', 'processed', 'user_id', v_user_id);

    when 'customer_deleted' then
      v_user_id := private.lock_customer_user(apply_effect.provider, effect ->> 'customer_id');

      update private.billing_customers as c
      set deleted_at = coalesce(c.deleted_at, apply_effect.as_of)
      where c.provider = apply_effect.provider
        and c.customer_id = effect ->> 'customer_id';

      -- Without a user it is a customer of another product that uses the same provider account.
      v_result := jsonb_build_object('outcome', case when v_user_id is null then 'ignored' else 'processed' end, 'user_id', v_user_id);

    when 'incident' then
      v_user_id := private.lock_customer_user(apply_effect.provider, effect ->> 'customer_id');

      perform private.record_incidents(
        apply_effect.provider, effect ->> 'payment_id', v_user_id, effect -> 'refunds', effect -> 'disputes',
        apply_effect.read_number, apply_effect.as_of
      );
      v_result := jsonb_build_object('outcome', 'processed', 'user_id', v_user_id);

    when 'snapshots' then
      v_result := '{"outcome": "processed"}';

    else
      return jsonb_build_object('outcome', 'parked', 'reason', format('Effects of the kind %s are not known.', v_kind));
  end case;

  -- Several subscriptions at once: the event is parked while one of them cannot be applied.
  for v_one in
    select t.snapshot
    from jsonb_array_elements(effect -> 'snapshots') as t (snapshot)
    where jsonb_typeof(effect -> 'snapshots') = 'array'
  loop
    v_one := private.apply_subscription(v_one, apply_effect.read_number, apply_effect.as_of);
    v_tasks := v_tasks || coalesce(v_one -> 'tasks', '[]');
    if v_one ->> 'outcome' = 'parked' or v_result ->> 'user_id' is null then
      v_result := v_result || jsonb_strip_nulls(v_one - 'tasks');
    end if;
  end loop;
  return v_result || jsonb_build_object('tasks', v_tasks);
end;
$$;

revoke all on function private.apply_effect from public, anon, authenticated, service_role;
