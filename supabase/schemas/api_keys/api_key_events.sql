-- The audit trail: who stored, read or deleted which key, and in which request. It outlives the key and is deleted
-- with the user.
create table public.api_key_events (
  id bigint generated always as identity primary key,
  user_id uuid not null references public.users (id) on delete cascade,
  provider text not null,
  action text not null,
  request_id text,
  created_at timestamptz not null default now(),
  constraint api_key_events_provider_form check (provider ~ '^[a-z][a-z0-9_-]{1,31}$'),
  constraint api_key_events_action_known check (
    action in ('stored', 'decrypted', 'deleted', 'reencrypted', 'operator_key_used')
  ),
  constraint api_key_events_request_id_length check (char_length(request_id) <= 200)
);

create index api_key_events_user_id_idx on public.api_key_events (user_id, id);

comment on table public.api_key_events is
  'Audit trail of api_keys, append-only for every role: rows are deleted only with their user, or move to private.archived_key_events after a year.';
comment on column public.api_key_events.action is
  'decrypted: the key was handed to decrypt-api-key or used by llm-proxy; operator_key_used: llm-proxy made a call with the operator''s key.';
comment on column public.api_key_events.request_id is 'The x-request-id of the request that caused the event.';

alter table public.api_key_events enable row level security;

create policy "users read the audit trail of their own keys"
  on public.api_key_events
  for select
  to authenticated
  using (user_id = (select auth.uid()));

create policy "OAuth clients that are not trusted act as visitors"
  on public.api_key_events
  as restrictive
  for all
  to authenticated
  using ((select private.session_is_trusted()));

create trigger api_key_events_are_append_only
  before update or delete on public.api_key_events
  for each row
  execute function private.refuse_unless_gone_or_archived();

create trigger api_key_events_are_not_truncated
  before truncate on public.api_key_events
  for each statement
  execute function private.refuse_unless_gone_or_archived();

revoke all on public.api_key_events from public, anon, authenticated, service_role;
revoke all on sequence public.api_key_events_id_seq from public, anon, authenticated, service_role;
grant select on public.api_key_events to authenticated, service_role;
