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
