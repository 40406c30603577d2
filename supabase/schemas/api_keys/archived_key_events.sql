-- The archive of the audit trail: counts and times of events that are older than a year.
create table private.archived_key_events (
  user_id uuid not null references public.users (id) on delete cascade,
  provider text not null,
  action text not null,
  events bigint not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  constraint archived_key_events_pkey primary key (user_id, provider, action)
);

comment on table private.archived_key_events is
  'Number of a user''s archived events of each provider and action, with the times of the first and the last.';

revoke all on private.archived_key_events from public, anon, authenticated, service_role;
