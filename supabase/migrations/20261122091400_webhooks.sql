-- Whose an effect is, as the provider names them. An event's effect, once it is read, is
-- {kind: subscription | payment | checkout | customer_deleted | incident | ignored | parked, …}.
create function private.effect_customer(effect jsonb)
returns text
language sql
immutable
security invoker
set search_path = ''
return coalesce(effect ->> 'customer_id', effect -> 'snapshot' ->> 'customer_id');

comment on function private.effect_customer(jsonb) is 'The id of the customer that an effect is about.';

revoke all on function private.effect_customer from public, anon, authenticated, service_role;

-- Webhooks: every event a payment provider sends is recorded, numbered, and settled in
-- one transaction with whatever it causes. A second delivery finds it settled.
--
-- received   recorded, its effect not yet written
-- processed  settled
-- ignored    of no concern: an event we do not use, a deleted user, the other livemode
-- parked     cannot be placed yet; tried again when a link appears, and by the sweep
-- failed     something broke; the provider's retry or a replay finishes it
-- abandoned  parked for thirty days
create table private.webhook_events (
  provider text not null,
  event_id text not null,
  type text not null,
  created timestamptz not null,
  livemode boolean not null,
  status text not null default 'received',
  attempts integer not null default 1,
  error text,
  payload jsonb not null,
  effect jsonb,
  read_number bigint,
  user_id uuid references public.users (id) on delete cascade,
  received_at timestamptz not null default now(),
  settled_at timestamptz,
  constraint webhook_events_pkey primary key (provider, event_id),
  constraint webhook_events_provider_known check (provider in ('stripe', 'paypal')),
  constraint webhook_events_status_known
    check (status in ('received', 'processed', 'ignored', 'parked', 'failed', 'abandoned')),
  constraint webhook_events_attempts_positive check (attempts >= 1)
);

create index webhook_events_user_id_idx on private.webhook_events (user_id, created desc);

-- What somebody still has to look at is a small part of all.
create index webhook_events_open_idx
  on private.webhook_events (status, read_number)
  where status in ('received', 'parked', 'failed');

-- What waits for a customer is looked for after every event of theirs.
create index webhook_events_parked_idx
  on private.webhook_events (provider, private.effect_customer(effect))
  where status = 'parked';

create index webhook_events_settled_at_idx on private.webhook_events (settled_at);

comment on table private.webhook_events is
  'Events of payment providers: what came, what became of it, and what is still to do.';
comment on column private.webhook_events.payload is 'The event without card data, names and addresses.';
comment on column private.webhook_events.effect is 'What it was found to mean, so that a parked one can be tried again.';
comment on column private.webhook_events.read_number is 'Number of the read that the effect comes from.';

revoke all on private.webhook_events from public, anon, authenticated, service_role;

-- Records a delivery and draws the number of the read that follows. Without a key there
-- is no read: the number is then made from the event's time, and for a tie within the
-- second from its kind, then from the status that it tells, because what is entitled within
-- the second that it began in has just been paid, then from its id. So the order of arrival
-- never matters.
create function private.record_webhook_event(
  provider text,
  event_id text,
  type text,
  created timestamptz,
  livemode boolean,
  payload jsonb,
  can_read boolean
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_status text;
  v_number bigint;
begin
  insert into private.webhook_events as e (provider, event_id, type, created, livemode, payload)
  values (
    record_webhook_event.provider,
    record_webhook_event.event_id,
    record_webhook_event.type,
    record_webhook_event.created,
    record_webhook_event.livemode,
    record_webhook_event.payload
  )
  on conflict on constraint webhook_events_pkey do update
    set attempts = e.attempts + 1
    where e.status not in ('processed', 'ignored')
  returning e.status into v_status;

  if v_status is null then
    return jsonb_build_object('status', 'duplicate');
  end if;

  v_number := case
    when record_webhook_event.can_read then nextval('private.read_numbers')
    else extract(epoch from date_trunc('second', record_webhook_event.created))::bigint * 100000
      + case
        when record_webhook_event.type ~ '(created|completed)$' then 0
        when record_webhook_event.type ~ '(deleted|CANCELLED|EXPIRED)$' then 20000
        else 10000
      end
      + case
        when record_webhook_event.payload -> 'data' -> 'object' ->> 'status' in ('active', 'past_due') then 2000
        when record_webhook_event.payload -> 'data' -> 'object' ->> 'status' = 'trialing' then 1000
        else 0
      end
      + abs(pg_catalog.hashtextextended(record_webhook_event.event_id, 0) % 1000)
  end;

  -- As text: a reader in JavaScript need not think about how exact its numbers are.
  return jsonb_build_object('status', 'received', 'read_number', v_number::text);
end;
$$;

comment on function private.record_webhook_event(text, text, text, timestamptz, boolean, jsonb, boolean) is
  'Records a delivery: {status: received, read_number} where there is something to do, {status: duplicate} where not.';

revoke all on function private.record_webhook_event from public, anon, authenticated, service_role;

-- Writes what an event means. Runs inside the transaction that settles the event, first
-- or again, and may run any number of times.
create function private.apply_effect(provider text, effect jsonb, read_number bigint)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_kind text := effect ->> 'kind';
  v_customer_id text := private.effect_customer(effect);
  v_user_id uuid;
  v_subscription_id uuid;
  v_who record;
begin
  case v_kind
    when 'ignored', 'parked' then
      return jsonb_build_object('outcome', v_kind, 'reason', effect ->> 'reason');

    when 'subscription' then
      return private.apply_subscription(effect -> 'snapshot', apply_effect.read_number);

    when 'payment' then
      -- What an invoice tells by itself. The subscription may be heard of later.
      select w.user_id, w.outcome, w.reason
      into v_who
      from private.billing_user(apply_effect.provider, v_customer_id, (effect ->> 'user_id')::uuid) as w;

      if v_who.user_id is null then
        return jsonb_build_object('outcome', v_who.outcome, 'reason', v_who.reason);
      end if;

      select s.id
      into v_subscription_id
      from public.subscriptions as s
      where s.provider = apply_effect.provider
        and s.provider_subscription_id = effect ->> 'subscription_id'
        and s.user_id = v_who.user_id;

      if v_subscription_id is null then
        return jsonb_build_object(
          'outcome', 'parked', 'reason', 'Its subscription has not been heard of.', 'user_id', v_who.user_id
        );
      end if;

      perform private.add_payments(v_subscription_id, effect -> 'payments');
      return jsonb_build_object('outcome', 'processed', 'user_id', v_who.user_id);

    when 'checkout' then
      select w.user_id, w.outcome, w.reason
      into v_who
      from private.billing_user(apply_effect.provider, v_customer_id, (effect ->> 'user_id')::uuid) as w;

      if v_who.user_id is null then
        return jsonb_build_object('outcome', v_who.outcome, 'reason', v_who.reason);
      end if;

      -- Heard of before the function that made the session could note it.
      perform private.open_checkout(c.attempt, effect ->> 'session_id', null, null)
      from private.checkouts as c
      where c.attempt = (effect ->> 'attempt')::uuid
        and c.user_id = v_who.user_id
        and c.session_id is null;

      perform private.end_checkout(v_who.user_id, effect ->> 'session_id', (effect ->> 'completed')::boolean);

      if jsonb_typeof(effect -> 'snapshot') = 'object' then
        return private.apply_subscription(effect -> 'snapshot', apply_effect.read_number);
      end if;
      return jsonb_build_object('outcome', 'processed', 'user_id', v_who.user_id);

    when 'customer_deleted' then
      update private.billing_customers as c
      set deleted_at = coalesce(c.deleted_at, now())
      where c.provider = apply_effect.provider
        and c.customer_id = v_customer_id
      returning c.user_id into v_user_id;
      return jsonb_build_object('outcome', 'processed', 'user_id', v_user_id);

    when 'incident' then
      -- A refund or a dispute takes nothing by itself; its record is the event.
      select c.user_id
      into v_user_id
      from private.billing_customers as c
      where c.provider = apply_effect.provider
        and c.customer_id = v_customer_id;

      -- With a key, what the provider says of the customer's subscriptions at the time.
      perform private.apply_subscription(t.snapshot, apply_effect.read_number)
      from jsonb_array_elements(coalesce(effect -> 'snapshots', '[]')) as t (snapshot);
      return jsonb_build_object('outcome', 'processed', 'user_id', v_user_id);
  end case;
end;
$$;

comment on function private.apply_effect(text, jsonb, bigint) is
  'Writes what a webhook event means: {outcome, reason, user_id}, outcome one of processed, ignored, parked.';

revoke all on function private.apply_effect from public, anon, authenticated, service_role;

-- One at a time for a customer: or an event could be parked for want of what another one,
-- not yet committed, is just writing, and neither would see the other.
create function private.lock_billing_customer(provider text, customer_id text)
returns void
language sql
volatile
security definer
set search_path = ''
begin atomic
  select pg_catalog.pg_advisory_xact_lock(
    pg_catalog.hashtextextended(format('%s:%s', lock_billing_customer.provider, lock_billing_customer.customer_id), 20)
  )
  where lock_billing_customer.customer_id is not null;
end;

comment on function private.lock_billing_customer(text, text) is
  'Waits for whoever writes about this customer; held until the transaction ends.';

revoke all on function private.lock_billing_customer from public, anon, authenticated, service_role;

-- Settles an event: its effect and its status change together or not at all.
create function private.settle_webhook_event(provider text, event_id text, read_number bigint, effect jsonb)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_status text;
  v_result jsonb;
begin
  select e.status
  into v_status
  from private.webhook_events as e
  where e.provider = settle_webhook_event.provider
    and e.event_id = settle_webhook_event.event_id
  for update;

  if v_status is null then
    perform private.raise_error('webhook_event_not_found', 'This event was not recorded: record it first.');
  end if;

  if v_status in ('processed', 'ignored') then
    return jsonb_build_object('status', 'duplicate');
  end if;

  perform private.lock_billing_customer(
    settle_webhook_event.provider, private.effect_customer(settle_webhook_event.effect)
  );

  v_result := private.apply_effect(
    settle_webhook_event.provider, settle_webhook_event.effect, settle_webhook_event.read_number
  );

  update private.webhook_events as e
  set status = v_result ->> 'outcome',
      error = v_result ->> 'reason',
      effect = settle_webhook_event.effect,
      read_number = settle_webhook_event.read_number,
      user_id = (v_result ->> 'user_id')::uuid,
      settled_at = now()
  where e.provider = settle_webhook_event.provider
    and e.event_id = settle_webhook_event.event_id;

  -- This event may have brought what others of the same customer were waiting for.
  if v_result ->> 'outcome' = 'processed' and private.effect_customer(settle_webhook_event.effect) is not null then
    perform private.retry_parked(
      settle_webhook_event.provider,
      private.effect_customer(settle_webhook_event.effect)
    );
  end if;

  return jsonb_build_object('status', v_result ->> 'outcome', 'reason', v_result ->> 'reason');
end;
$$;

comment on function private.settle_webhook_event(text, text, bigint, jsonb) is
  'Writes the effect of a recorded event and marks it, in one transaction: {status, reason}.';

revoke all on function private.settle_webhook_event from public, anon, authenticated, service_role;

-- Keeps a failure, in a transaction of its own, so that it can be found and finished.
create function private.fail_webhook_event(provider text, event_id text, error text)
returns void
language sql
volatile
security definer
set search_path = ''
begin atomic
  update private.webhook_events as e
  set status = 'failed',
      error = left(fail_webhook_event.error, 1000)
  where e.provider = fail_webhook_event.provider
    and e.event_id = fail_webhook_event.event_id
    and e.status in ('received', 'failed');
end;

comment on function private.fail_webhook_event(text, text, text) is 'Marks an unsettled event as failed, with the reason.';

revoke all on function private.fail_webhook_event from public, anon, authenticated, service_role;

-- Tries parked events again, in the order of their reads: all of a provider's customer,
-- or with nulls all there are. One that somebody else is settling is left to them.
create function private.retry_parked(provider text, customer_id text)
returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_event record;
  v_result jsonb;
  v_settled integer := 0;
begin
  for v_event in
    select e.provider, e.event_id, e.effect, e.read_number
    from private.webhook_events as e
    where e.status = 'parked'
      and e.effect ->> 'kind' <> 'parked'
      and (retry_parked.provider is null or e.provider = retry_parked.provider)
      and (
        retry_parked.customer_id is null
        or private.effect_customer(e.effect) = retry_parked.customer_id
      )
    order by e.read_number
    for update skip locked
  loop
    v_result := private.apply_effect(v_event.provider, v_event.effect, v_event.read_number);
    continue when v_result ->> 'outcome' = 'parked';

    update private.webhook_events as e
    set status = v_result ->> 'outcome',
        error = v_result ->> 'reason',
        user_id = (v_result ->> 'user_id')::uuid,
        attempts = e.attempts + 1,
        settled_at = now()
    where e.provider = v_event.provider
      and e.event_id = v_event.event_id;
    v_settled := v_settled + 1;
  end loop;
  return v_settled;
end;
$$;

comment on function private.retry_parked(text, text) is 'Applies parked events that can be placed by now; returns how many.';

revoke all on function private.retry_parked from public, anon, authenticated, service_role;

-- ---------------------------------------------------------------- reads without an event

-- A read that nobody was told of: a success page, support, a checkout that finds the
-- customer. The number is drawn before the provider is asked, as for an event.
create function private.next_read_number()
returns text
language sql
volatile
security definer
set search_path = ''
begin atomic
  select nextval('private.read_numbers')::text;
end;

comment on function private.next_read_number() is 'Draws the number of a read of a provider, as text.';

revoke all on function private.next_read_number from public, anon, authenticated, service_role;

create function private.apply_read(snapshot jsonb, read_number bigint)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_provider text := snapshot ->> 'provider';
  v_result jsonb;
begin
  perform private.lock_billing_customer(v_provider, snapshot ->> 'customer_id');
  v_result := private.apply_subscription(apply_read.snapshot, apply_read.read_number);
  perform private.retry_parked(v_provider, snapshot ->> 'customer_id');
  return v_result;
end;
$$;

comment on function private.apply_read(jsonb, bigint) is
  'Writes what a numbered read said, and tries what was parked for that customer: {outcome, reason, user_id}.';

revoke all on function private.apply_read from public, anon, authenticated, service_role;

-- Links a customer that we created at a provider to its user, and tries what was waiting
-- for that. Answers the customer that the user has: another one, where two calls raced.
create function private.link_billing_customer(user_id uuid, provider text, customer_id text)
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
    perform private.retry_parked(link_billing_customer.provider, v_customer_id);
  end if;
  return v_customer_id;
end;
$$;

comment on function private.link_billing_customer(uuid, text, text) is
  'Links a provider''s customer to a user; returns the customer that the user has.';

revoke all on function private.link_billing_customer from public, anon, authenticated, service_role;

-- What the portal, a sync and the deletion of an account need to know of a user.
create function private.billing_of(user_id uuid)
returns jsonb
language sql
stable
security definer
set search_path = ''
begin atomic
  select jsonb_build_object(
    'account', private.account_document(billing_of.user_id),
    'checkout', (
      select jsonb_build_object('provider', c.provider, 'session_id', c.session_id)
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
            'provider', s.provider,
            'provider_subscription_id', s.provider_subscription_id,
            'status', s.status,
            'cancel_at', s.cancel_at
          )
          order by s.created_at desc
        )
        from public.subscriptions as s
        where s.user_id = billing_of.user_id
      ),
      '[]'
    )
  );
end;

comment on function private.billing_of(uuid) is
  'A user''s account, open checkout, customers and subscriptions at the providers: {account, checkout, customers: {provider: id}, subscriptions: [...]}.';

revoke all on function private.billing_of from public, anon, authenticated, service_role;

-- What a replay has to finish: failed events, and ones whose function was cut off.
create function private.unsettled_webhook_events(provider text, event_id text)
returns jsonb
language sql
stable
security definer
set search_path = ''
begin atomic
  select coalesce(
    jsonb_agg(
      jsonb_build_object(
        'provider', e.provider, 'event_id', e.event_id, 'type', e.type, 'status', e.status,
        'attempts', e.attempts, 'error', e.error, 'payload', e.payload
      )
      order by e.created, e.event_id
    ),
    '[]'
  )
  from private.webhook_events as e
  where (unsettled_webhook_events.provider is null or e.provider = unsettled_webhook_events.provider)
    and (unsettled_webhook_events.event_id is null or e.event_id = unsettled_webhook_events.event_id)
    and (
      e.status = 'failed'
      or (e.status = 'received' and e.received_at < now() - interval '1 minute')
      or (e.status in ('parked', 'abandoned') and unsettled_webhook_events.event_id is not null)
    );
end;

comment on function private.unsettled_webhook_events(text, text) is
  'Events that a replay finishes: failed or cut off, or the one that is named.';

revoke all on function private.unsettled_webhook_events from public, anon, authenticated, service_role;

-- --------------------------------------------------------------------- support

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

comment on function private.event_summary(private.webhook_events) is 'An event without its payload.';

revoke all on function private.event_summary from public, anon, authenticated, service_role;

-- "Paid but not premium": everything that decides it, on one page.
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
            'entitled_until', private.entitled_until(s.status, s.current_period_end, s.cancel_at, s.grace_until)
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
        where e.status in ('parked', 'failed', 'received', 'abandoned')
          and (
            e.user_id = v_user.id
            or e.effect -> 'snapshot' ->> 'user_id' = v_user.id::text
            or e.effect ->> 'user_id' = v_user.id::text
            or private.effect_customer(e.effect) in (
              select c.customer_id
              from private.billing_customers as c
              where c.user_id = v_user.id
            )
          )
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

comment on function private.diagnose_account(text) is
  'What a support case needs: user, plan, subscriptions, customers, events and the ledger check.';

revoke all on function private.diagnose_account from public, anon, authenticated, service_role;

-- ---------------------------------------------------------------------- the sweep

-- What time does, and lost webhooks did not: months that have started, ends that have
-- passed, events that can be placed or never will be.
create function private.sweep_billing()
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_retried integer;
  v_abandoned integer;
  v_deleted integer;
  v_ended integer;
  v_granted integer;
begin
  v_retried := private.retry_parked(null, null);

  update private.webhook_events as e
  set status = 'abandoned',
      settled_at = now()
  where e.status = 'parked'
    and e.received_at < now() - interval '30 days';
  get diagnostics v_abandoned = row_count;

  -- Ninety days are longer than any provider retries. Refunds and disputes are kept:
  -- their event is their record.
  delete from private.webhook_events as e
  where e.status in ('processed', 'ignored')
    and e.settled_at < now() - interval '90 days'
    and e.effect ->> 'kind' is distinct from 'incident';
  get diagnostics v_deleted = row_count;

  -- A scheduled end that has passed is an end, whether or not the provider's word of it
  -- arrived. One that should have renewed is left as it is: it may have.
  update public.subscriptions as s
  set status = 'canceled',
      ended_at = coalesce(s.ended_at, s.cancel_at)
  where s.status in ('trialing', 'active', 'past_due')
    and s.cancel_at <= now();
  get diagnostics v_ended = row_count;

  select coalesce(sum(private.grant_months(due.subscription_id, now())), 0)
  into v_granted
  from (
    select distinct p.subscription_id
    from private.paid_periods as p
    where p.paid_through > now() - interval '1 day'
    order by p.subscription_id
  ) as due;

  return jsonb_build_object(
    'retried', v_retried,
    'abandoned', v_abandoned,
    'deleted', v_deleted,
    'ended', v_ended,
    'months_granted', v_granted
  );
end;
$$;

comment on function private.sweep_billing() is
  'Retries and abandons parked events, deletes old ones, ends what was scheduled to end, grants months: {retried, abandoned, deleted, ended, months_granted}.';

revoke all on function private.sweep_billing from public, anon, authenticated, service_role;

-- ---------------------------------------------------------------------- the doors
-- For edge functions and operators alone: executable by service_role and nobody else.

create function public.record_webhook_event(
  provider text,
  event_id text,
  type text,
  created timestamptz,
  livemode boolean,
  payload jsonb,
  can_read boolean
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.record_webhook_event(
    record_webhook_event.provider,
    record_webhook_event.event_id,
    record_webhook_event.type,
    record_webhook_event.created,
    record_webhook_event.livemode,
    record_webhook_event.payload,
    record_webhook_event.can_read
  );
end;

comment on function public.record_webhook_event(text, text, text, timestamptz, boolean, jsonb, boolean) is
  'Internal to the webhooks. Records a delivery: {status: received, read_number} or {status: duplicate}.';

revoke all on function private.record_webhook_event, public.record_webhook_event from public, anon, authenticated, service_role;
grant execute on function private.record_webhook_event, public.record_webhook_event to service_role;

create function public.settle_webhook_event(provider text, event_id text, read_number bigint, effect jsonb)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.settle_webhook_event(
    settle_webhook_event.provider,
    settle_webhook_event.event_id,
    settle_webhook_event.read_number,
    settle_webhook_event.effect
  );
end;

comment on function public.settle_webhook_event(text, text, bigint, jsonb) is
  'Internal to the webhooks. Writes the effect of a recorded event and marks it, in one transaction: {status, reason}.';

revoke all on function private.settle_webhook_event, public.settle_webhook_event from public, anon, authenticated, service_role;
grant execute on function private.settle_webhook_event, public.settle_webhook_event to service_role;

create function public.fail_webhook_event(provider text, event_id text, error text)
returns void
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.fail_webhook_event(
    fail_webhook_event.provider,
    fail_webhook_event.event_id,
    fail_webhook_event.error
  );
end;

comment on function public.fail_webhook_event(text, text, text) is
  'Internal to the webhooks. Marks an unsettled event as failed.';

revoke all on function private.fail_webhook_event, public.fail_webhook_event from public, anon, authenticated, service_role;
grant execute on function private.fail_webhook_event, public.fail_webhook_event to service_role;

create function public.unsettled_webhook_events(provider text default null, event_id text default null)
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.unsettled_webhook_events(
    unsettled_webhook_events.provider,
    unsettled_webhook_events.event_id
  );
end;

comment on function public.unsettled_webhook_events(text, text) is
  'For a replay: events that failed or were cut off, or the one that is named.';

revoke all on function private.unsettled_webhook_events, public.unsettled_webhook_events from public, anon, authenticated, service_role;
grant execute on function private.unsettled_webhook_events, public.unsettled_webhook_events to service_role;

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
  'Internal. Draws the number of a read of a provider, before the read.';

revoke all on function private.next_read_number, public.next_read_number from public, anon, authenticated, service_role;
grant execute on function private.next_read_number, public.next_read_number to service_role;

create function public.apply_read(snapshot jsonb, read_number bigint)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.apply_read(apply_read.snapshot, apply_read.read_number);
end;

comment on function public.apply_read(jsonb, bigint) is
  'Internal. Writes what a numbered read of a provider said: {outcome, reason, user_id}.';

revoke all on function private.apply_read, public.apply_read from public, anon, authenticated, service_role;
grant execute on function private.apply_read, public.apply_read to service_role;

create function public.link_billing_customer(user_id uuid, provider text, customer_id text)
returns text
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.link_billing_customer(
    link_billing_customer.user_id,
    link_billing_customer.provider,
    link_billing_customer.customer_id
  );
end;

comment on function public.link_billing_customer(uuid, text, text) is
  'Internal. Links a provider''s customer to a user; returns the customer that the user has.';

revoke all on function private.link_billing_customer, public.link_billing_customer from public, anon, authenticated, service_role;
grant execute on function private.link_billing_customer, public.link_billing_customer to service_role;

create function public.billing_of(user_id uuid)
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.billing_of(billing_of.user_id);
end;

comment on function public.billing_of(uuid) is
  'Internal. A user''s account, and their customers and subscriptions at the providers.';

revoke all on function private.billing_of, public.billing_of from public, anon, authenticated, service_role;
grant execute on function private.billing_of, public.billing_of to service_role;

create function public.begin_checkout(user_id uuid, provider text, plan_type text, fingerprint text)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.begin_checkout(
    begin_checkout.user_id,
    begin_checkout.provider,
    begin_checkout.plan_type,
    begin_checkout.fingerprint
  );
end;

comment on function public.begin_checkout(uuid, text, text, text) is
  'Internal to the checkouts. Begins the user''s one checkout or answers the open one.';

revoke all on function private.begin_checkout, public.begin_checkout from public, anon, authenticated, service_role;
grant execute on function private.begin_checkout, public.begin_checkout to service_role;

create function public.open_checkout(attempt uuid, session_id text, url text, expires_at timestamptz)
returns boolean
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.open_checkout(
    open_checkout.attempt,
    open_checkout.session_id,
    open_checkout.url,
    open_checkout.expires_at
  );
end;

comment on function public.open_checkout(uuid, text, text, timestamptz) is
  'Internal to create-checkout-session. Notes the provider''s session; false where it was replaced.';

revoke all on function private.open_checkout, public.open_checkout from public, anon, authenticated, service_role;
grant execute on function private.open_checkout, public.open_checkout to service_role;

create function public.drop_checkout(attempt uuid)
returns void
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.drop_checkout(drop_checkout.attempt);
end;

comment on function public.drop_checkout(uuid) is
  'Internal to the checkouts. Forgets an attempt that the provider refused, so that the next one is new.';

revoke all on function private.drop_checkout, public.drop_checkout from public, anon, authenticated, service_role;
grant execute on function private.drop_checkout, public.drop_checkout to service_role;

create function public.end_checkout(user_id uuid, session_id text, completed boolean)
returns void
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.end_checkout(end_checkout.user_id, end_checkout.session_id, end_checkout.completed);
end;

comment on function public.end_checkout(uuid, text, boolean) is
  'Internal to the checkouts. Closes a session: its coupon is spent, free again, or with null still reserved.';

revoke all on function private.end_checkout, public.end_checkout from public, anon, authenticated, service_role;
grant execute on function private.end_checkout, public.end_checkout to service_role;

create function public.grant_premium(user_id uuid, plan_type text, until timestamptz)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.grant_premium(grant_premium.user_id, grant_premium.plan_type, grant_premium.until);
end;

comment on function public.grant_premium(uuid, text, timestamptz) is
  'Makes a user premium until a time by a subscription of provider manual; returns the account. A time in the past ends it.';

revoke all on function private.grant_premium, public.grant_premium from public, anon, authenticated, service_role;
grant execute on function private.grant_premium, public.grant_premium to service_role;

create function public.diagnose_account(email text)
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.diagnose_account(diagnose_account.email);
end;

comment on function public.diagnose_account(text) is
  'What a support case needs: user, plan, subscriptions, customers, last and parked events, ledger check.';

revoke all on function private.diagnose_account, public.diagnose_account from public, anon, authenticated, service_role;
grant execute on function private.diagnose_account, public.diagnose_account to service_role;
