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
