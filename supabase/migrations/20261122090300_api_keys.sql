-- API keys: the users' own language-model keys, encrypted, one per provider. Their
-- owner sees that a key is there and its last four characters, never the
-- ciphertext: what cannot be read cannot be copied and attacked elsewhere.
create table public.api_keys (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  provider text not null,
  key_encrypted text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  last_used timestamptz,
  key_hint text not null,
  secret_version integer not null,
  verified_at timestamptz,
  rejected_at timestamptz,
  constraint api_keys_one_per_provider unique (user_id, provider),
  constraint api_keys_provider_form check (provider ~ '^[a-z][a-z0-9_-]{1,31}$'),
  -- A key of 512 characters takes some 770 in the envelope; the rest is room for another format.
  constraint api_keys_key_encrypted_length check (char_length(key_encrypted) between 1 and 4096),
  constraint api_keys_key_hint_length check (char_length(key_hint) between 1 and 4),
  constraint api_keys_secret_version_positive check (secret_version > 0)
);

comment on table public.api_keys is
  'Encrypted language-model keys, one row per user and provider. Written and read by functions only.';
comment on column public.api_keys.provider is 'Lower-case name of the language-model provider, such as openai.';
comment on column public.api_keys.key_encrypted is 'The ciphertext, bound to user, provider and secret version. No client may select it.';
comment on column public.api_keys.key_hint is 'The last four characters, to recognise a key by.';
comment on column public.api_keys.secret_version is 'Version of the Vault secret that opens the row.';
comment on column public.api_keys.last_used is 'When the key was last read from its row.';
comment on column public.api_keys.verified_at is 'When the provider last confirmed that it accepts the key; null where it was never asked or did not answer.';
comment on column public.api_keys.rejected_at is 'When the provider began to refuse the key (401 or 403); null while it accepts it.';

create index api_keys_secret_version_idx on public.api_keys (secret_version, id);

alter table public.api_keys enable row level security;

create policy "users read their own api keys"
  on public.api_keys
  for select
  to authenticated
  using (user_id = (select auth.uid()));

create policy "users delete their own api keys"
  on public.api_keys
  for delete
  to authenticated
  using (user_id = (select auth.uid()));

create policy "OAuth clients that are not trusted act as visitors"
  on public.api_keys
  as restrictive
  for all
  to authenticated
  using ((select private.session_is_trusted()));

create policy "keys are deleted by a session with the second factor alone"
  on public.api_keys
  as restrictive
  for delete
  to authenticated
  using ((select private.session_is_strong()));

revoke all on public.api_keys from public, anon, authenticated, service_role;
grant select (
    id, user_id, provider, created_at, updated_at, last_used, key_hint, secret_version, verified_at, rejected_at
  ), delete
  on public.api_keys
  to authenticated;
grant select, insert, update, delete on public.api_keys to service_role;

-- Reading a key moves last_used and is no change of it.
create trigger api_keys_set_updated_at
  before update of user_id, provider, key_encrypted, key_hint, secret_version on public.api_keys
  for each row
  when (old.* is distinct from new.*)
  execute function private.set_updated_at();

-- The audit trail: who stored, read or deleted which key, and by which request.
-- It outlives the key and goes with the user.
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
  'Audit trail of api_keys, append-only for every role: rows go only with their user, or after a year into private.archived_key_events.';
comment on column public.api_key_events.action is
  'decrypted: the key was handed to decrypt-api-key or used by llm-proxy; operator_key_used: a call of llm-proxy was made with the operator''s key.';
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

revoke all on public.api_key_events from public, anon, authenticated, service_role;
revoke all on sequence public.api_key_events_id_seq from public, anon, authenticated, service_role;
grant select on public.api_key_events to authenticated, service_role;

create trigger api_key_events_are_append_only
  before update or delete on public.api_key_events
  for each row
  execute function private.refuse_unless_gone_or_archived();

create trigger api_key_events_are_not_truncated
  before truncate on public.api_key_events
  for each statement
  execute function private.refuse_unless_gone_or_archived();

-- The archive of the trail: what is left of events that are older than a year.
create table private.archived_key_events (
  id bigint generated always as identity primary key,
  user_id uuid not null references public.users (id) on delete cascade,
  provider text not null,
  action text not null,
  events bigint not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  constraint archived_key_events_once unique (user_id, provider, action)
);

comment on table private.archived_key_events is
  'How many events of each provider and action have left a user''s audit trail, and from when to when they were.';

revoke all on private.archived_key_events from public, anon, authenticated, service_role;
revoke all on sequence private.archived_key_events_id_seq from public, anon, authenticated, service_role;

create function private.archive_key_events(user_id uuid, before timestamptz, max_rows integer)
returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_last_id bigint;
  v_rows integer;
begin
  select max(o.id)
  into v_last_id
  from (
    select t.id, t.created_at
    from public.api_key_events as t
    where t.user_id = archive_key_events.user_id
    order by t.id
    limit archive_key_events.max_rows
  ) as o
  where o.created_at < archive_key_events.before;

  insert into private.archived_rows as a (user_id, source, last_id)
  select archive_key_events.user_id, 'api_key_events', v_last_id
  where v_last_id is not null
  on conflict on constraint archived_rows_pkey do update
    set last_id = greatest(a.last_id, excluded.last_id);

  insert into private.archived_key_events as a (user_id, provider, action, events, first_at, last_at)
  select t.user_id, t.provider, t.action, count(*), min(t.created_at), max(t.created_at)
  from public.api_key_events as t
  where t.user_id = archive_key_events.user_id
    and t.id <= v_last_id
  group by t.user_id, t.provider, t.action
  on conflict on constraint archived_key_events_once do update
    set events = a.events + excluded.events,
        first_at = least(a.first_at, excluded.first_at),
        last_at = greatest(a.last_at, excluded.last_at);

  delete from public.api_key_events as t
  where t.user_id = archive_key_events.user_id
    and t.id <= v_last_id;
  get diagnostics v_rows = row_count;

  return v_rows;
end;
$$;

comment on function private.archive_key_events(uuid, timestamptz, integer) is
  'Moves a bounded number of a user''s oldest audit events into the archive: how many.';

revoke all on function private.archive_key_events from public, anon, authenticated, service_role;
