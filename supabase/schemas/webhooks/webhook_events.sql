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
