-- Versions: the history of each strategy. Only the database writes them, so that a history can be trusted. Only the owner
-- of the strategy reads them, so that publishing a strategy does not publish what it was before.
create table public.strategy_versions (
  id uuid primary key default gen_random_uuid(),
  strategy_id uuid not null,
  version_number integer not null,
  created_at timestamptz not null default now(),
  config jsonb not null,
  notes text,
  user_id uuid not null,
  constraint strategy_versions_owner_fkey
    foreign key (user_id, strategy_id) references public.strategies (user_id, id)
    on update cascade on delete cascade,
  constraint idx_strategy_versions_strategy_id unique (strategy_id, version_number),
  constraint strategy_versions_version_number_positive check (version_number >= 1),
  constraint strategy_versions_config_is_an_object check (jsonb_typeof(config) = 'object'),
  constraint strategy_versions_notes_length check (char_length(notes) <= 4000)
);

create index strategy_versions_user_id_strategy_id_idx on public.strategy_versions (user_id, strategy_id);

comment on table public.strategy_versions is 'History of strategies: one row for each transaction that changed the content, read by the owner only.';
comment on column public.strategy_versions.version_number is 'From 1, without gaps from the oldest that is kept.';
comment on column public.strategy_versions.config is 'The whole strategy document of this version.';
comment on column public.strategy_versions.notes is 'The owner''s notes on the change.';
comment on column public.strategy_versions.user_id is 'The strategy''s owner, held equal by a composite foreign key.';

-- Read by private.refuse_argument().
comment on constraint strategy_versions_notes_length on public.strategy_versions is
  'notes: Shorten the notes to %s characters.';

alter table public.strategy_versions enable row level security;

create policy "users read the versions of their own strategies"
  on public.strategy_versions
  for select
  to authenticated
  using (user_id = (select auth.uid()));

create policy "OAuth clients that are not trusted act as visitors"
  on public.strategy_versions
  as restrictive
  for all
  to authenticated
  using ((select private.session_is_trusted()));

-- Id of the version that the running transaction writes of a strategy. It is computed, so that the transaction
-- recognises its own version without a column for that. The start time is part of it because transaction ids repeat
-- when the data is moved to another server.
create function private.version_id(strategy_id uuid)
returns uuid
language sql
stable
security definer
set search_path = ''
begin atomic
  -- A UUID of version 8 (RFC 9562, section 5.8): a digest with the digits of version and variant set.
  select overlay(overlay(left(encode(d.digest, 'hex'), 32) placing '8' from 13) placing '8' from 17)::uuid
  from sha256(
    uuid_send(version_id.strategy_id) || xid8send(pg_current_xact_id()) || timestamptz_send(now())
  ) as d (digest);
end;

-- Versions up to this number are more than the owner's plan keeps; 0 or less if none is.
create function private.last_pruned_version(strategy_id uuid)
returns integer
language sql
stable
security definer
set search_path = ''
begin atomic
  select s.current_version - p.max_versions
  from public.strategies as s
  cross join lateral private.plan_of(s.user_id) as p
  where s.id = last_pruned_version.strategy_id;
end;

-- A history can be trusted because nobody can edit it, not even the owner of the tables. A version can be changed or
-- deleted only by the transaction that wrote it, deleted when the plan keeps no more of them, and deleted with its
-- strategy. A change of owner, which the foreign key carries over, does not count as a change of a version.
create function private.keep_strategy_version()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if tg_op = 'UPDATE' and old.id = private.version_id(old.strategy_id) then
    return new;
  elsif tg_op = 'DELETE' and (
    old.id = private.version_id(old.strategy_id)
    or old.version_number <= private.last_pruned_version(old.strategy_id)
    or not exists (select from public.strategies as s where s.id = old.strategy_id)
  ) then
    return old;
  end if;

  raise exception using
    errcode = 'insufficient_privilege',
    message = 'A version is never changed: save the strategy again, and a new one is written.',
    schema = tg_table_schema,
    table = tg_table_name;
end;
$$;

create trigger strategy_versions_are_not_changed
  before update on public.strategy_versions
  for each row
  when (
    (old.id, old.strategy_id, old.version_number, old.created_at)
      is distinct from (new.id, new.strategy_id, new.version_number, new.created_at)
    or (old.config, old.notes) is distinct from (new.config, new.notes)
  )
  execute function private.keep_strategy_version();

create trigger strategy_versions_are_not_deleted
  before delete on public.strategy_versions
  for each row
  execute function private.keep_strategy_version();

create trigger strategy_versions_are_not_truncated
  before truncate on public.strategy_versions
  for each statement
  execute function private.keep_strategy_version();

revoke all on public.strategy_versions from public, anon, authenticated, service_role;
grant select on public.strategy_versions to authenticated, service_role;
revoke all on function private.version_id, private.last_pruned_version, private.keep_strategy_version
  from public, anon, authenticated, service_role;
