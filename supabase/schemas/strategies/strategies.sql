-- Strategies that users make. A strategy is private unless its owner publishes it; a published one can be read by
-- everybody and changed by its owner only.
create table public.strategies (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.users (id) on delete cascade,
  name text not null,
  description text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  is_ai_generated boolean not null default false,
  is_public boolean not null default false,
  market_type text,
  timeframe text,
  config jsonb not null,
  current_version integer not null default 1,
  -- Without a foreign key, so that deleting a strategy does not wait for transactions that write other users' forks.
  forked_from uuid,
  -- Components and versions refer to this key, so that their user_id always equals that of their strategy.
  constraint strategies_id_user_id_key unique (id, user_id),
  constraint strategies_name_length check (char_length(name) <= 200 and name ~ '\S'),
  constraint strategies_description_length check (char_length(description) <= 4000),
  constraint strategies_market_type_known check (market_type in ('futures', 'stocks', 'crypto', 'forex')),
  constraint strategies_timeframe_known check (timeframe in ('1m', '5m', '15m', '1h', '4h', '1d')),
  constraint strategies_config_is_an_object check (jsonb_typeof(config) = 'object'),
  constraint strategies_config_size check (octet_length(config::text) <= 65536),
  constraint strategies_current_version_positive check (current_version >= 1)
);

create index idx_strategies_user_id on public.strategies (user_id);

-- For private.unlink_deleted_sources().
create index strategies_forked_from_idx on public.strategies (forked_from) where forked_from is not null;

-- The public page, newest first, as an app reads it from the table.
create index strategies_public_page_idx
  on public.strategies (created_at desc, id desc)
  where is_public;

comment on table public.strategies is 'Trading strategies. A published one is read by everybody and changed by its owner only.';
comment on column public.strategies.is_ai_generated is 'Whether a language model made it; set when the strategy is created, and not changed.';
comment on column public.strategies.is_public is 'Published: readable by everybody, without its history.';
comment on column public.strategies.timeframe is 'Bar length.';
comment on column public.strategies.config is 'The app''s own settings of the strategy: a JSON object of at most 64 KiB.';
comment on column public.strategies.current_version is 'Number of the newest version.';
comment on column public.strategies.forked_from is
  'The strategy that this one was forked from; null once that one is deleted, at the latest after the next sweep.';

-- Read by private.refuse_argument().
comment on constraint strategies_name_length on public.strategies is
  'name: Give the strategy a name of 1 to %s characters.';
comment on constraint strategies_description_length on public.strategies is
  'description: Shorten the description to %s characters.';
comment on constraint strategies_market_type_known on public.strategies is
  'market_type: market_type must be one of %s.';
comment on constraint strategies_timeframe_known on public.strategies is 'timeframe: timeframe must be one of %s.';
comment on constraint strategies_config_is_an_object on public.strategies is 'config: config must be a JSON object.';
comment on constraint strategies_config_size on public.strategies is 'config: Shorten config to %s bytes.';

alter table public.strategies enable row level security;

create policy "visitors read public strategies"
  on public.strategies
  for select
  to anon
  using (is_public);

create policy "users read public strategies and their own"
  on public.strategies
  for select
  to authenticated
  using (is_public or user_id = (select private.reader_id()));

create policy "users create strategies of their own"
  on public.strategies
  for insert
  to authenticated
  with check (user_id = (select private.reader_id()));

create policy "users change their own strategies"
  on public.strategies
  for update
  to authenticated
  using (user_id = (select private.reader_id()))
  with check (user_id = (select private.reader_id()));

create policy "users delete their own strategies"
  on public.strategies
  for delete
  to authenticated
  using (user_id = (select private.reader_id()));

-- Refuses a config that is too large or holds a number outside double precision. It runs before the check constraint,
-- which prints the document: a short number such as 1e131071 would be printed with 131,072 digits.
create function private.check_config()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform private.check_json(new.config, 65536, 'config', 'strategies_config_size');
  return new;
end;
$$;

create trigger strategies_check_config
  before insert or update of config on public.strategies
  for each row
  execute function private.check_config();

-- Fires only for the columns that a client may write: when the database itself updates the others, it holds the lock already.
create trigger strategies_lock_account
  before insert or delete or update of name, description, is_public, market_type, timeframe, config
  on public.strategies
  for each statement
  execute function private.lock_own_account();

-- current_version is written after a change, so a write of it alone is not a change.
create trigger strategies_set_updated_at
  before update of user_id, name, description, is_ai_generated, is_public, market_type, timeframe, config
  on public.strategies
  for each row
  when (
    (old.user_id, old.name, old.description, old.is_ai_generated)
      is distinct from (new.user_id, new.name, new.description, new.is_ai_generated)
    or (old.is_public, old.market_type, old.timeframe, old.config)
      is distinct from (new.is_public, new.market_type, new.timeframe, new.config)
  )
  execute function private.set_updated_at();

create trigger strategies_100_are_limited
  after insert on public.strategies
  referencing new table as added
  for each statement
  execute function private.hold_to_plan('strategy');

create trigger strategies_count_new_forks
  after insert on public.strategies
  referencing new table as added
  for each statement
  execute function private.count_new_forks();

create trigger strategies_count_removed_forks
  after delete on public.strategies
  referencing old table as removed
  for each statement
  execute function private.count_removed_forks();

create trigger strategies_follow_published
  after insert on public.strategies
  for each row
  when (new.is_public)
  execute function private.follow_public_strategy();

create trigger strategies_follow_changed
  after update of name, description, market_type, timeframe, is_public, created_at on public.strategies
  for each row
  when (
    old.is_public <> new.is_public
    or (
      new.is_public
      and (old.name, old.description, old.market_type, old.timeframe, old.created_at)
        is distinct from (new.name, new.description, new.market_type, new.timeframe, new.created_at)
    )
  )
  execute function private.follow_public_strategy();

-- The setting pinebase.strategy_writer names a function that writes the versions itself. An operator who brings
-- strategies together with their versions sets it to 'import' for the transaction. Clients cannot set it.
--
-- 500: after the plan's limit (100), so that a refused insert of thousands of strategies costs no versions.
create trigger strategies_500_write_first_versions
  after insert on public.strategies
  referencing new table as added
  for each statement
  when (coalesce(current_setting('pinebase.strategy_writer', true), '') = '')
  execute function private.write_strategy_versions();

-- Publishing a strategy and changing its owner do not change its content, so they make no version.
create trigger strategies_write_version
  after update of name, description, is_ai_generated, market_type, timeframe, config on public.strategies
  for each row
  when (
    (
      (old.name, old.description, old.is_ai_generated) is distinct from (new.name, new.description, new.is_ai_generated)
      or (old.market_type, old.timeframe, old.config) is distinct from (new.market_type, new.timeframe, new.config)
    )
    and coalesce(current_setting('pinebase.strategy_writer', true), '') = ''
  )
  execute function private.write_strategy_versions();

revoke all on public.strategies from public, anon, authenticated, service_role;
grant select on public.strategies to anon, authenticated;
grant
  insert (user_id, name, description, is_public, is_ai_generated, market_type, timeframe, config),
  update (name, description, is_public, market_type, timeframe, config),
  delete
  on public.strategies
  to authenticated;
grant select, insert, update, delete on public.strategies to service_role;
revoke all on function private.check_config from public, anon, authenticated, service_role;
