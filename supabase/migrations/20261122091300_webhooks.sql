-- Made from supabase/schemas/webhooks/ by `npm run db:diff -- --first`: change it there.

-- Every event that a payment provider sends is recorded and settled in one transaction with everything that it
-- causes. A second delivery finds it settled.
--
--   processed  settled
--   ignored    has no effect: an event that we do not use, a deleted user, the other livemode
--   parked     cannot be applied yet; tried again when what it waits for appears, and by the sweep
--   failed     raised an error; the provider's retry or a replay finishes it
--   abandoned  parked for thirty days
--
-- An event's effect, once its object has been read, is {kind: subscription | snapshots | checkout | purchase |
-- customer_deleted | incident | ignored | parked, ...}.
create table private.webhook_events (
  provider text not null,
  event_id text not null,
  type text not null,
  created timestamptz not null,
  livemode boolean not null,
  status text not null,
  attempts integer not null default 1,
  error text,
  payload jsonb not null,
  effect jsonb,
  read_number bigint,
  waits_for text,
  retry_at timestamptz,
  user_id uuid references public.users (id) on delete cascade,
  received_at timestamptz not null default now(),
  settled_at timestamptz,
  constraint webhook_events_pkey primary key (provider, event_id),
  constraint webhook_events_provider_known check (provider in ('stripe', 'paypal')),
  constraint webhook_events_status_known check (status in ('processed', 'ignored', 'parked', 'failed', 'abandoned')),
  constraint webhook_events_attempts_positive check (attempts >= 1)
);

create index webhook_events_user_id_idx on private.webhook_events (user_id, created desc);

-- Events that a person must look at are few among all, so their index is partial.
create index webhook_events_open_idx
  on private.webhook_events (status, received_at)
  where status in ('parked', 'failed', 'abandoned');

create index webhook_events_retry_at_idx
  on private.webhook_events (retry_at)
  where status = 'parked';

-- Events that wait for a customer, a price or an object are looked up when it appears.
create index webhook_events_waits_for_idx
  on private.webhook_events (waits_for, provider)
  where status in ('parked', 'abandoned');

create index webhook_events_settled_at_idx
  on private.webhook_events (settled_at)
  where status in ('processed', 'ignored');

-- The last event of each provider, and those of the last thirty days.
create index webhook_events_received_at_idx on private.webhook_events (provider, received_at);

comment on table private.webhook_events is
  'Events of payment providers: what arrived, its outcome, and what is still to be done.';
comment on column private.webhook_events.payload is 'The event without card data, names and addresses.';
comment on column private.webhook_events.effect is 'The meaning of a parked event, so that it can be tried again.';
comment on column private.webhook_events.read_number is 'Number of the read that the effect comes from.';
comment on column private.webhook_events.waits_for is 'What must appear first: customer:<id>, price:<id>, user:<id> or object:<id>.';
comment on column private.webhook_events.retry_at is 'When the sweep tries a parked event next.';

revoke all on private.webhook_events from public, anon, authenticated, service_role;

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

-- Applies what a numbered read of one customer reported, and then the events that were parked for it.
create function private.apply_read(snapshots jsonb, read_number bigint, purchases jsonb, as_of timestamptz)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_one record;
  v_result jsonb;
  v_results jsonb := '[]';
  v_tasks jsonb := '[]';
  v_keys text[] := '{}';
  v_provider text := coalesce(snapshots -> 0 ->> 'provider', purchases -> 0 ->> 'provider');
begin
  perform private.lock_billing_customer(
    v_provider, coalesce(snapshots -> 0 ->> 'customer_id', purchases -> 0 ->> 'customer_id')
  );

  for v_one in
    select s.value as snapshot, null::jsonb as purchase
    from jsonb_array_elements(coalesce(apply_read.snapshots, '[]')) as s
    union all
    select null, p.value
    from jsonb_array_elements(coalesce(apply_read.purchases, '[]')) as p
  loop
    v_result := case
      when v_one.snapshot is not null then private.apply_subscription(v_one.snapshot, apply_read.read_number, apply_read.as_of)
      else private.apply_purchase(v_one.purchase, apply_read.read_number, apply_read.as_of)
    end;
    v_results := v_results || jsonb_build_object(
      'subscription', coalesce(v_one.snapshot ->> 'id', v_one.purchase ->> 'session_id'),
      'outcome', v_result ->> 'outcome',
      'reason', v_result ->> 'reason'
    );
    v_tasks := v_tasks || coalesce(v_result -> 'tasks', '[]');
    if v_result ->> 'outcome' = 'processed' then
      v_keys := v_keys || private.effect_keys(
        v_provider, jsonb_build_object('snapshot', v_one.snapshot, 'purchase', v_one.purchase), (v_result ->> 'user_id')::uuid
      );
    end if;
  end loop;

  if v_keys <> '{}' then
    v_tasks := v_tasks || (private.retry_parked(v_provider, v_keys, 100, apply_read.as_of) -> 'tasks');
  end if;

  return jsonb_build_object('results', v_results, 'tasks', v_tasks);
end;
$$;

create function public.apply_read(snapshots jsonb, read_number bigint, purchases jsonb default '[]')
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.apply_read(snapshots, read_number, purchases, now());
end;

comment on function public.apply_read(jsonb, bigint, jsonb) is
  'Internal. Applies what a numbered read of one customer reported: {results: [{subscription, outcome, reason}], tasks}.';

revoke all on function private.apply_read, public.apply_read from public, anon, authenticated, service_role;
grant execute on function private.apply_read, public.apply_read to service_role;

-- Writes no row: the number only orders reads, and a duplicate event needs no read at all.
create function private.begin_webhook_event(provider text, event_id text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if exists (
    select
    from private.webhook_events as e
    where e.provider = begin_webhook_event.provider
      and e.event_id = begin_webhook_event.event_id
      and e.status in ('processed', 'ignored')
  ) then
    return '{"status": "duplicate"}';
  end if;

  -- As text, so that JavaScript cannot round the number.
  return jsonb_build_object('status', 'received', 'read_number', nextval('private.read_numbers')::text);
end;
$$;

create function public.begin_webhook_event(provider text, event_id text)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.begin_webhook_event(provider, event_id);
end;

comment on function public.begin_webhook_event(text, text) is
  'Internal to the webhooks. Draws the number of the read that an event causes: {status: received, read_number}, or {status: duplicate}.';

revoke all on function private.begin_webhook_event, public.begin_webhook_event
  from public, anon, authenticated, service_role;
grant execute on function private.begin_webhook_event, public.begin_webhook_event to service_role;

-- What the portal, a sync and the deletion of an account need about a user's billing: {account, email, checkout,
-- customers: {provider: id}, subscriptions: [...], paypal_subscriptions: [...]}.
create function private.billing_of(user_id uuid)
returns jsonb
language sql
stable
security definer
set search_path = ''
begin atomic
  select jsonb_build_object(
    'account', private.account_document(billing_of.user_id),
    'email', (
      select u.email
      from public.users as u
      where u.id = billing_of.user_id
    ),
    'checkout', (
      select jsonb_build_object('provider', c.provider, 'session_id', c.session_id, 'attempt', c.attempt)
      from private.checkouts as c
      where c.user_id = billing_of.user_id
        and c.session_id is not null
    ),
    'customers', coalesce(
      (
        select jsonb_object_agg(c.provider, c.customer_id)
        from private.billing_customers as c
        where c.user_id = billing_of.user_id
          and c.deleted_at is null
      ),
      '{}'
    ),
    'subscriptions', coalesce(
      (
        select jsonb_agg(
          jsonb_build_object(
            'id', s.id,
            'provider', s.provider,
            'provider_subscription_id', s.provider_subscription_id,
            'status', s.status,
            'cancel_at', s.cancel_at,
            'is_running', private.is_running(s.status) or coalesce(s.cancel_at > now(), false)
          )
          order by s.created_at desc
        )
        from public.subscriptions as s
        where s.user_id = billing_of.user_id
      ),
      '[]'
    ),
    'paypal_subscriptions', coalesce(
      (
        select jsonb_agg(
          jsonb_build_object('id', k.subscription_id, 'opened_at', k.opened_at, 'is_over', k.closed_at is not null)
          order by k.opened_at desc
        )
        from private.known_subscriptions as k
        where k.user_id = billing_of.user_id
          and k.provider = 'paypal'
      ),
      '[]'
    )
  );
end;

create function public.billing_of(user_id uuid)
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.billing_of(user_id);
end;

comment on function public.billing_of(uuid) is
  'Internal. A user''s account, and their customers and subscriptions at the providers.';

revoke all on function private.billing_of, public.billing_of from public, anon, authenticated, service_role;
grant execute on function private.billing_of, public.billing_of to service_role;

-- An event without its payload.
create function private.event_summary(event private.webhook_events)
returns jsonb
language sql
immutable
security invoker
set search_path = ''
return jsonb_build_object(
  'provider', event.provider,
  'event_id', event.event_id,
  'type', event.type,
  'created', event.created,
  'status', event.status,
  'error', event.error,
  'attempts', event.attempts
);

-- Everything that decides whether a user who has paid is premium, on one page.
create function private.diagnose_account(email text)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_user public.users;
begin
  select u.*
  into v_user
  from public.users as u
  where lower(u.email) = lower(btrim(diagnose_account.email));

  if v_user.id is null then
    perform private.raise_error('user_not_found', 'No account has this email.');
  end if;

  return jsonb_build_object(
    'user', to_jsonb(v_user) - 'preferences',
    'plan', (private.plan_of(v_user.id)).plan_type,
    'subscriptions', coalesce(
      (
        select jsonb_agg(
          to_jsonb(s) || jsonb_build_object(
            'entitled_until', private.entitled_until(
              s.status, s.current_period_end, s.cancel_at, s.grace_until, s.paid_through, s.revoked_at
            )
          )
          order by s.created_at desc
        )
        from public.subscriptions as s
        where s.user_id = v_user.id
      ),
      '[]'
    ),
    'customers', private.billing_of(v_user.id) -> 'customers',
    'open_checkout', (
      select to_jsonb(c) - 'user_id' - 'attempt'
      from private.checkouts as c
      where c.user_id = v_user.id
    ),
    'last_events', coalesce(
      (
        select jsonb_agg(private.event_summary(e) order by e.created desc)
        from (
          select *
          from private.webhook_events as w
          where w.user_id = v_user.id
          order by w.created desc
          limit 20
        ) as e
      ),
      '[]'
    ),
    'parked_events', coalesce(
      (
        select jsonb_agg(private.event_summary(e) order by e.created desc)
        from private.webhook_events as e
        where e.status in ('parked', 'failed', 'abandoned')
          and (
            e.user_id = v_user.id
            or e.waits_for = 'user:' || v_user.id
            or e.waits_for in (
              select 'customer:' || c.customer_id
              from private.billing_customers as c
              where c.user_id = v_user.id
            )
          )
      ),
      '[]'
    ),
    'flags', coalesce(
      (
        select jsonb_agg(to_jsonb(f) - 'user_id' order by f.since desc)
        from private.billing_flags as f
        where f.user_id = v_user.id
      ),
      '[]'
    ),
    'ledger', jsonb_build_object(
      'agrees', not exists (select from private.check_ledger(v_user.id)),
      'last', (
        select coalesce(jsonb_agg(to_jsonb(t) - 'user_id' order by t.id desc), '[]')
        from (
          select *
          from public.credit_transactions as c
          where c.user_id = v_user.id
          order by c.id desc
          limit 10
        ) as t
      )
    )
  );
end;
$$;

create function public.diagnose_account(email text)
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.diagnose_account(email);
end;

comment on function public.diagnose_account(text) is
  'What a support case needs: user, plan, subscriptions, customers, last and parked events, flags, ledger check.';

revoke all on function private.event_summary, private.diagnose_account, public.diagnose_account
  from public, anon, authenticated, service_role;
grant execute on function private.diagnose_account, public.diagnose_account to service_role;

-- Returns the keys of webhook_events.waits_for that an effect may fulfil. It is in plpgsql, which keeps its plan,
-- because it runs for every event.
create function private.effect_keys(provider text, effect jsonb, user_id uuid)
returns text[]
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return array_remove(
    array[
      'customer:' || coalesce(
        effect ->> 'customer_id', effect -> 'snapshot' ->> 'customer_id', effect -> 'purchase' ->> 'customer_id',
        effect -> 'snapshots' -> 0 ->> 'customer_id'
      ),
      'object:' || coalesce(effect -> 'snapshot' ->> 'id', effect -> 'purchase' ->> 'session_id', effect ->> 'session_id'),
      'user:' || effect_keys.user_id
    ],
    null
  );
end;
$$;

revoke all on function private.effect_keys from public, anon, authenticated, service_role;

-- Records a failed event, so that a retry or a replay can finish it. An event that is settled or parked stays so.
create function private.fail_webhook_event(
  provider text,
  event_id text,
  type text,
  created timestamptz,
  livemode boolean,
  payload jsonb,
  error text,
  as_of timestamptz
)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  insert into private.webhook_events as e (provider, event_id, type, created, livemode, status, error, payload, received_at)
  values (
    fail_webhook_event.provider,
    fail_webhook_event.event_id,
    fail_webhook_event.type,
    fail_webhook_event.created,
    fail_webhook_event.livemode,
    'failed',
    left(fail_webhook_event.error, 1000),
    fail_webhook_event.payload,
    fail_webhook_event.as_of
  )
  on conflict on constraint webhook_events_pkey do update
    set status = 'failed',
        error = excluded.error,
        attempts = e.attempts + 1
    where e.status = 'failed';
end;
$$;

create function public.fail_webhook_event(
  provider text,
  event_id text,
  type text,
  created timestamptz,
  livemode boolean,
  payload jsonb,
  error text
)
returns void
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.fail_webhook_event(provider, event_id, type, created, livemode, payload, error, now());
end;

comment on function public.fail_webhook_event(text, text, text, timestamptz, boolean, jsonb, text) is
  'Internal to the webhooks. Records an event as failed.';

revoke all on function private.fail_webhook_event, public.fail_webhook_event
  from public, anon, authenticated, service_role;
grant execute on function private.fail_webhook_event, public.fail_webhook_event to service_role;

create function private.finish_provider_task(id bigint, error text, as_of timestamptz)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  update private.provider_tasks as t
  set attempts = t.attempts + 1,
      error = left(finish_provider_task.error, 1000),
      done_at = case when finish_provider_task.error is null then finish_provider_task.as_of end,
      retry_at = finish_provider_task.as_of + least(interval '15 minutes' * power(2, least(t.attempts, 10)), interval '1 day')
  where t.id = finish_provider_task.id
    and t.done_at is null;
end;
$$;

create function public.finish_provider_task(id bigint, error text default null)
returns void
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.finish_provider_task(id, error, now());
end;

comment on function public.finish_provider_task(bigint, text) is
  'Internal. Marks a task as done, or counts its failure so that it is tried again later.';

revoke all on function private.finish_provider_task, public.finish_provider_task
  from public, anon, authenticated, service_role;
grant execute on function private.finish_provider_task, public.finish_provider_task to service_role;

-- Links a customer that we created at a provider to its user, and applies the events that were parked for it.
-- Returns the customer that the user has now, which is another one where two calls created one at the same time.
create function private.link_billing_customer(user_id uuid, provider text, customer_id text, as_of timestamptz)
returns text
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_customer_id text;
begin
  perform private.lock_billing_customer(link_billing_customer.provider, link_billing_customer.customer_id);

  perform private.lock_account(link_billing_customer.user_id);

  insert into private.billing_customers (provider, customer_id, user_id)
  values (link_billing_customer.provider, link_billing_customer.customer_id, link_billing_customer.user_id)
  on conflict do nothing;

  select c.customer_id
  into v_customer_id
  from private.billing_customers as c
  where c.user_id = link_billing_customer.user_id
    and c.provider = link_billing_customer.provider
    and c.deleted_at is null;

  if v_customer_id is not null then
    perform private.retry_parked(
      link_billing_customer.provider,
      array['customer:' || v_customer_id, 'user:' || link_billing_customer.user_id],
      100,
      link_billing_customer.as_of
    );
  end if;
  return v_customer_id;
end;
$$;

create function public.link_billing_customer(user_id uuid, provider text, customer_id text)
returns text
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.link_billing_customer(user_id, provider, customer_id, now());
end;

comment on function public.link_billing_customer(uuid, text, text) is
  'Internal. Links a provider''s customer to a user; returns the customer that the user has.';

revoke all on function private.link_billing_customer, public.link_billing_customer
  from public, anon, authenticated, service_role;
grant execute on function private.link_billing_customer, public.link_billing_customer to service_role;

-- Locks and returns the user of a provider's customer, before anything of theirs is written; null where the customer
-- is linked to no user. Deleting an account locks the user's row and then waits for the rest, so the other order
-- could end in a deadlock.
create function private.lock_customer_user(provider text, customer_id text)
returns uuid
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid;
begin
  select u.id
  into v_user_id
  from private.billing_customers as c
  join public.users as u on u.id = c.user_id
  where c.provider = lock_customer_user.provider
    and c.customer_id = lock_customer_user.customer_id
  for no key update of u;

  return v_user_id;
end;
$$;

-- Events of one customer are recorded one after the other. Otherwise an event could be parked because it does not
-- see what another transaction is writing, while that one does not see the parked event. Held until the transaction
-- ends.
create function private.lock_billing_customer(provider text, customer_id text)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if lock_billing_customer.customer_id is not null then
    perform pg_catalog.pg_advisory_xact_lock(
      pg_catalog.hashtextextended(lock_billing_customer.provider || ':' || lock_billing_customer.customer_id, 20)
    );
  end if;
end;
$$;

revoke all on function private.lock_customer_user, private.lock_billing_customer
  from public, anon, authenticated, service_role;

create function private.open_provider_tasks(page_size integer, as_of timestamptz)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return (
    select coalesce(
      jsonb_agg(
        jsonb_build_object(
          'id', t.id, 'provider', t.provider, 'subscription_id', t.subscription_id, 'action', t.action, 'reason', t.reason,
          'requested_at', t.requested_at, 'attempts', t.attempts, 'email', t.email
        )
        order by t.id
      ),
      '[]'
    )
    from (
      select
        k.id, k.provider, k.subscription_id, k.action, k.reason, k.requested_at, k.attempts,
        (select u.email from public.users as u where u.id = k.user_id and k.action = 'email') as email
      from private.provider_tasks as k
      where k.done_at is null
        and (k.retry_at is null or k.retry_at <= open_provider_tasks.as_of)
      order by k.id
      limit least(greatest(coalesce(open_provider_tasks.page_size, 100), 1), 1000)
    ) as t
  );
end;
$$;

create function public.open_provider_tasks(page_size integer default 100)
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.open_provider_tasks(page_size, now());
end;

comment on function public.open_provider_tasks(integer) is
  'Internal. The tasks that are still to be done at a provider: [{id, provider, subscription_id, action, reason, requested_at, attempts, email}].';

revoke all on function private.open_provider_tasks, public.open_provider_tasks
  from public, anon, authenticated, service_role;
grant execute on function private.open_provider_tasks, public.open_provider_tasks to service_role;

-- Anybody can post a body to the webhook, and only PayPal can confirm that it sent it. A question to PayPal is
-- counted before it is sent, and subtracted again where the delivery was genuine. So in the end only false
-- deliveries count, and many at once cannot exceed the limit together.
create function private.take_paypal_ask()
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  -- The nil UUID: one limit for all deliveries together.
  return coalesce(
    private.refuse_attempt(
      'paypal_ask', '00000000-0000-0000-0000-000000000000', 60, interval '1 minute',
      'Too many deliveries did not come from PayPal. Send this one again later.'
    ),
    '{"ok": true}'
  );
end;
$$;

-- Subtracts one question from the count, because PayPal did send that delivery.
create function private.return_paypal_ask()
returns void
language sql
volatile
security definer
set search_path = ''
begin atomic
  update private.attempts as a
  set attempted_at = a.attempted_at[:cardinality(a.attempted_at) - 1]
  where a.user_id = '00000000-0000-0000-0000-000000000000'
    and a.bucket = 'paypal_ask';
end;

create function public.take_paypal_ask()
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.take_paypal_ask();
end;

comment on function public.take_paypal_ask() is
  'Internal to paypal-webhook. Counts a question to PayPal: {ok: true} or the error rate_limited.';

create function public.return_paypal_ask()
returns void
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.return_paypal_ask();
end;

comment on function public.return_paypal_ask() is
  'Internal to paypal-webhook. Subtracts a question from the count, because the delivery was genuine.';

revoke all on function
  private.take_paypal_ask,
  private.return_paypal_ask,
  public.take_paypal_ask,
  public.return_paypal_ask
  from public, anon, authenticated, service_role;
grant execute on function
  private.take_paypal_ask,
  private.return_paypal_ask,
  public.take_paypal_ask,
  public.return_paypal_ask
  to service_role;

-- The subscriptions that a reconciliation reads: all that run, and those that ended since a time.
create function private.reconcile_targets(provider text, since timestamptz, after_id text, page_size integer)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('id', t.id, 'customer_id', t.customer_id, 'user_id', t.user_id) order by t.id), '[]')
    from (
      select o.id, o.user_id, c.customer_id
      from (
        select s.provider_subscription_id as id, s.user_id
        from public.subscriptions as s
        where s.provider = reconcile_targets.provider
          and (s.ended_at is null or s.ended_at >= reconcile_targets.since)
        union
        select k.subscription_id, k.user_id
        from private.known_subscriptions as k
        where k.provider = reconcile_targets.provider
          and (k.closed_at is null or k.closed_at >= reconcile_targets.since)
      ) as o
      left join private.billing_customers as c
        on c.user_id = o.user_id
        and c.provider = reconcile_targets.provider
        and c.deleted_at is null
      where reconcile_targets.after_id is null
        or o.id > reconcile_targets.after_id
      order by o.id
      limit least(greatest(coalesce(reconcile_targets.page_size, 500), 1), 1000)
    ) as t
  );
end;
$$;

create function public.reconcile_targets(
  provider text,
  since timestamptz,
  after_id text default null,
  page_size integer default 500
)
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.reconcile_targets(provider, since, after_id, page_size);
end;

comment on function public.reconcile_targets(text, timestamptz, text, integer) is
  'Internal to billing:reconcile. A page of the subscriptions to read: [{id, customer_id, user_id}].';

revoke all on function private.reconcile_targets, public.reconcile_targets
  from public, anon, authenticated, service_role;
grant execute on function private.reconcile_targets, public.reconcile_targets to service_role;

-- Records an event, applies what it means and settles it, all or nothing. The event's own row is written last,
-- because locks are taken in the order user, subscription, rest.
create function private.record_webhook_event(
  provider text,
  event_id text,
  type text,
  created timestamptz,
  livemode boolean,
  payload jsonb,
  effect jsonb,
  read_number bigint,
  as_of timestamptz
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_result jsonb;
  v_outcome text;
  v_keys text[];
  v_retried jsonb;
begin
  if exists (
    select
    from private.webhook_events as e
    where e.provider = record_webhook_event.provider
      and e.event_id = record_webhook_event.event_id
      and e.status in ('processed', 'ignored')
  ) then
    return '{"status": "duplicate"}';
  end if;

  perform private.lock_billing_customer(
    record_webhook_event.provider,
    coalesce(
      effect ->> 'customer_id', effect -> 'snapshot' ->> 'customer_id', effect -> 'purchase' ->> 'customer_id',
      effect -> 'snapshots' -> 0 ->> 'customer_id'
    )
  );

  v_result := private.apply_effect(
    record_webhook_event.provider, record_webhook_event.effect, record_webhook_event.read_number, record_webhook_event.as_of
  );
  v_outcome := v_result ->> 'outcome';

  insert into private.webhook_events as e (
    provider, event_id, type, created, livemode, status, error, payload, effect, read_number, waits_for, retry_at, user_id,
    received_at, settled_at
  )
  values (
    record_webhook_event.provider,
    record_webhook_event.event_id,
    record_webhook_event.type,
    record_webhook_event.created,
    record_webhook_event.livemode,
    v_outcome,
    v_result ->> 'reason',
    record_webhook_event.payload,
    case when v_outcome = 'parked' then record_webhook_event.effect end,
    record_webhook_event.read_number,
    v_result ->> 'waits_for',
    case when v_outcome = 'parked' then record_webhook_event.as_of + interval '15 minutes' end,
    (v_result ->> 'user_id')::uuid,
    record_webhook_event.as_of,
    case when v_outcome <> 'parked' then record_webhook_event.as_of end
  )
  on conflict on constraint webhook_events_pkey do update
    set status = excluded.status,
        error = excluded.error,
        effect = excluded.effect,
        read_number = excluded.read_number,
        waits_for = excluded.waits_for,
        retry_at = excluded.retry_at,
        user_id = excluded.user_id,
        settled_at = excluded.settled_at,
        attempts = e.attempts + 1
    where e.status not in ('processed', 'ignored');

  if not found then
    return '{"status": "duplicate"}';
  end if;

  -- This event may have brought what parked events wait for.
  if v_outcome = 'processed' then
    v_keys := private.effect_keys(record_webhook_event.provider, record_webhook_event.effect, (v_result ->> 'user_id')::uuid);

    if exists (
      select
      from private.webhook_events as e
      where e.status = 'parked'
        and e.waits_for = any (v_keys)
        and e.provider = record_webhook_event.provider
    ) then
      v_retried := private.retry_parked(record_webhook_event.provider, v_keys, 100, record_webhook_event.as_of);
    end if;
  end if;

  return jsonb_build_object(
    'status', v_outcome,
    'reason', v_result ->> 'reason',
    'user_id', v_result ->> 'user_id',
    'tasks', coalesce(v_result -> 'tasks', '[]') || coalesce(v_retried -> 'tasks', '[]')
  );
end;
$$;

create function public.record_webhook_event(
  provider text,
  event_id text,
  type text,
  created timestamptz,
  livemode boolean,
  payload jsonb,
  effect jsonb,
  read_number bigint
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.record_webhook_event(
    provider, event_id, type, created, livemode, payload, effect, read_number, now()
  );
end;

comment on function public.record_webhook_event(text, text, text, timestamptz, boolean, jsonb, jsonb, bigint) is
  'Internal to the webhooks. Records an event with its effect, in one transaction: {status, reason, user_id, tasks}.';

revoke all on function private.record_webhook_event, public.record_webhook_event
  from public, anon, authenticated, service_role;
grant execute on function private.record_webhook_event, public.record_webhook_event to service_role;

-- Applies parked events again, in the order of their reads: those that wait for one of the keys, or with null those
-- that are due. Returns {retried, failures, tasks}. An event that another transaction is settling is skipped. An
-- event that stays parked is tried again after longer and longer times, at least once a day.
create function private.retry_parked(provider text, keys text[], max_events integer, as_of timestamptz)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_event record;
  v_result jsonb;
  v_retried integer := 0;
  v_failures integer := 0;
  v_tasks jsonb := '[]';
begin
  for v_event in
    select e.provider, e.event_id, e.effect, e.read_number
    from private.webhook_events as e
    where e.status = 'parked'
      and e.effect ->> 'kind' <> 'parked'
      and (
        (retry_parked.keys is null and e.retry_at <= retry_parked.as_of)
        or (e.waits_for = any (retry_parked.keys) and e.provider = retry_parked.provider)
      )
    order by e.read_number
    limit retry_parked.max_events
    for update skip locked
  loop
    begin
      v_result := private.apply_effect(v_event.provider, v_event.effect, v_event.read_number, retry_parked.as_of);
    exception
      -- One event that raises an error must not stop the others.
      when others then
        v_result := jsonb_build_object('outcome', 'parked', 'reason', format('It failed again: %s (%s)', sqlerrm, sqlstate));
        v_failures := v_failures + 1;
    end;

    update private.webhook_events as e
    set status = v_result ->> 'outcome',
        error = v_result ->> 'reason',
        waits_for = coalesce(v_result ->> 'waits_for', e.waits_for),
        user_id = coalesce((v_result ->> 'user_id')::uuid, e.user_id),
        attempts = e.attempts + 1,
        effect = case when v_result ->> 'outcome' = 'parked' then e.effect end,
        retry_at = retry_parked.as_of + least(interval '15 minutes' * power(2, least(e.attempts, 10)), interval '1 day'),
        settled_at = case when v_result ->> 'outcome' <> 'parked' then retry_parked.as_of end
    where e.provider = v_event.provider
      and e.event_id = v_event.event_id;

    v_tasks := v_tasks || coalesce(v_result -> 'tasks', '[]');
    if v_result ->> 'outcome' <> 'parked' then
      v_retried := v_retried + 1;
    end if;
  end loop;

  return jsonb_build_object('retried', v_retried, 'failures', v_failures, 'tasks', v_tasks);
end;
$$;

-- Applies the parked events that waited for a price which is added now, 200 at most; the sweep applies the rest.
create function private.follow_price()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_price record;
begin
  for v_price in
    select n.provider, n.provider_price_id
    from new_prices as n
  loop
    update private.webhook_events as e
    set retry_at = now()
    where e.status = 'parked'
      and e.provider = v_price.provider
      and e.waits_for = 'price:' || v_price.provider_price_id;

    if found then
      perform private.retry_parked(v_price.provider, array['price:' || v_price.provider_price_id], 200, now());
    end if;
  end loop;
  return null;
end;
$$;

create trigger prices_apply_parked_events
  after insert on public.prices
  referencing new table as new_prices
  for each statement
  execute function private.follow_price();

revoke all on function private.retry_parked, private.follow_price from public, anon, authenticated, service_role;

-- Returns what a replay must finish: failed events, and parked ones whose object the provider did not have yet,
-- because only a read can find out whether it has it now; or the one event that is named.
create function private.unsettled_webhook_events(provider text, event_id text, as_of timestamptz)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return (
    select coalesce(
      jsonb_agg(
        jsonb_build_object(
          'provider', t.provider, 'event_id', t.event_id, 'type', t.type, 'status', t.status,
          'attempts', t.attempts, 'error', t.error, 'payload', t.payload
        )
        order by t.created, t.event_id
      ),
      '[]'
    )
    from (
      select e.provider, e.event_id, e.type, e.status, e.attempts, e.error, e.payload, e.created
      from private.webhook_events as e
      where e.status in ('failed', 'parked', 'abandoned')
        and (unsettled_webhook_events.provider is null or e.provider = unsettled_webhook_events.provider)
        and (unsettled_webhook_events.event_id is null or e.event_id = unsettled_webhook_events.event_id)
        and (
          e.status = 'failed'
          or (e.status = 'parked' and e.effect ->> 'kind' = 'parked' and e.retry_at <= unsettled_webhook_events.as_of)
          or unsettled_webhook_events.event_id is not null
        )
      order by e.received_at
      limit 1000
    ) as t
  );
end;
$$;

create function public.unsettled_webhook_events(provider text default null, event_id text default null)
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.unsettled_webhook_events(provider, event_id, now());
end;

comment on function public.unsettled_webhook_events(text, text) is
  'For a replay: events that failed or wait for an object of the provider, or the one that is named.';

revoke all on function private.unsettled_webhook_events, public.unsettled_webhook_events
  from public, anon, authenticated, service_role;
grant execute on function private.unsettled_webhook_events, public.unsettled_webhook_events to service_role;
