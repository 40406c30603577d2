-- Made from supabase/schemas/strategies/ by `npm run db:diff -- --first`: change it there.

-- Counts the forks that a statement adds.
create function private.count_new_forks()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  -- In the order of ids, so that two statements cannot deadlock.
  insert into private.strategy_forks as k (strategy_id, forks)
  select a.forked_from, count(*)
  from added as a
  where a.forked_from is not null
  group by a.forked_from
  order by a.forked_from
  on conflict (strategy_id) do update
    set forks = k.forks + excluded.forks;
  return null;
end;
$$;

-- Takes deleted forks off their sources' count, and notes deleted sources that still have forks.
create function private.count_removed_forks()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform
  from private.strategy_forks as k
  where k.strategy_id in (
    select r.id from removed as r
    union
    select r.forked_from from removed as r
  )
  order by k.strategy_id
  for update;

  update private.strategy_forks as k
  set forks = k.forks - gone.forks
  from (
    select r.forked_from, count(*) as forks
    from removed as r
    group by r.forked_from
  ) as gone
  where k.strategy_id = gone.forked_from;

  with ended as (
    delete from private.strategy_forks as k
    using removed as r
    where k.strategy_id = r.id
    returning k.strategy_id, k.forks
  )
  insert into private.deleted_sources (strategy_id)
  select e.strategy_id
  from ended as e
  where e.forks > 0;
  return null;
end;
$$;

revoke all on function private.count_new_forks, private.count_removed_forks
  from public, anon, authenticated, service_role;

-- Keeps the row of a published strategy, and removes it when the strategy is hidden.
create function private.follow_public_strategy()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if not new.is_public then
    delete from private.public_strategies as p
    where p.strategy_id = new.id;
  else
    insert into private.public_strategies (strategy_id, created_at, market_type, timeframe, words)
    values (
      new.id, new.created_at, new.market_type, new.timeframe, private.search_words(new.name, null, new.description)
    )
    on conflict (strategy_id) do update
      set created_at = excluded.created_at,
          market_type = excluded.market_type,
          timeframe = excluded.timeframe,
          words = excluded.words;
  end if;
  return null;
end;
$$;

revoke all on function private.follow_public_strategy from public, anon, authenticated, service_role;

-- Every change of a strategy's content that a client or the operator writes gets its version at the end of the statement.
create function private.write_strategy_versions()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    perform private.write_version(a.id)
    from added as a;
  else
    perform private.write_version(new.id);
  end if;
  return null;
end;
$$;

revoke all on function private.write_strategy_versions from public, anon, authenticated, service_role;

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

-- Components: the indicators of a strategy, with their parameters, in order.
--
-- indicator_id is the id of a row of `custom_indicators` where is_custom is true, otherwise of `indicators`. It has no
-- foreign key: a foreign key refers to one table only, and deleting an indicator would have to update the components of
-- all its users. Instead, check_component() locks the indicator when a component is linked to it, so that it cannot be
-- deleted at the same moment. When it is deleted later, documents show null for the id at once, and the sweep sets the
-- column to null.
create table public.strategy_components (
  id uuid primary key default gen_random_uuid(),
  strategy_id uuid not null,
  indicator_id uuid,
  is_custom boolean not null default false,
  component_type text not null,
  parameters jsonb not null default '{}',
  position integer not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  user_id uuid not null default auth.uid(),
  indicator_name text,
  constraint strategy_components_owner_fkey
    foreign key (user_id, strategy_id) references public.strategies (user_id, id)
    on update cascade on delete cascade,
  constraint strategy_components_component_type_known
    check (component_type in ('trend', 'entry', 'exit', 'stop_loss')),
  constraint strategy_components_parameters_is_an_object check (jsonb_typeof(parameters) = 'object'),
  constraint strategy_components_parameters_size check (octet_length(parameters::text) <= 8192),
  constraint strategy_components_position_not_negative check (position >= 0),
  constraint strategy_components_indicator_name_length check (char_length(indicator_name) <= 200),
  -- Deferrable, so that one statement may swap two positions. It has the name that the index on strategy_id would have,
  -- because no second index is needed.
  constraint idx_strategy_components_strategy_id
    unique (strategy_id, component_type, position) deferrable initially immediate
);

create index strategy_components_user_id_strategy_id_idx on public.strategy_components (user_id, strategy_id);

create index strategy_components_indicator_id_idx on public.strategy_components (indicator_id);

comment on table public.strategy_components is 'The indicators of a strategy with their parameters, at most 64 a strategy.';
comment on column public.strategy_components.indicator_id is
  'A row of indicators, or of custom_indicators when is_custom; null once that indicator is deleted, at the latest after the next sweep.';
comment on column public.strategy_components.parameters is 'Values for the indicator''s parameters, an object of at most 8 KiB.';
comment on column public.strategy_components.position is 'Order within the component type, from 0.';
comment on column public.strategy_components.user_id is 'The strategy''s owner, held equal by a composite foreign key.';
comment on column public.strategy_components.indicator_name is
  'The indicator''s name when it was set; it stays when the indicator is deleted.';

alter table public.strategy_components enable row level security;

create policy "visitors read components of public strategies"
  on public.strategy_components
  for select
  to anon
  using (
    exists (
      select
      from public.strategies as s
      where s.id = strategy_components.strategy_id
        and s.is_public
    )
  );

create policy "users read components of public strategies and their own"
  on public.strategy_components
  for select
  to authenticated
  using (
    user_id = (select private.reader_id())
    or exists (
      select
      from public.strategies as s
      where s.id = strategy_components.strategy_id
        and s.is_public
    )
  );

-- The foreign key alone would also refuse a component in another user's strategy, but with the error for a missing row.
-- This policy gives the error for a missing permission.
create policy "users add components to their own strategies"
  on public.strategy_components
  for insert
  to authenticated
  with check (
    user_id = (select private.reader_id())
    and exists (
      select
      from public.strategies as s
      where s.id = strategy_components.strategy_id
        and s.user_id = (select private.reader_id())
    )
  );

create policy "users change components of their own strategies"
  on public.strategy_components
  for update
  to authenticated
  using (user_id = (select private.reader_id()))
  with check (user_id = (select private.reader_id()));

create policy "users remove components of their own strategies"
  on public.strategy_components
  for delete
  to authenticated
  using (user_id = (select private.reader_id()));

-- Fills in the strategy's owner when an operator inserts a component without user_id.
create function private.set_component_owner()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  select s.user_id
  into new.user_id
  from public.strategies as s
  where s.id = new.strategy_id;

  return new;
end;
$$;

create trigger strategy_components_100_set_owner
  before insert on public.strategy_components
  for each row
  when (new.user_id is null)
  execute function private.set_component_owner();

-- Checks the indicator and the parameters of a component, and stores the indicator's name with it.
--
-- The indicator must exist and be visible to the strategy's owner. Both failures give the same error: otherwise a user
-- could find out which ids exist, and copy a private script into a strategy. The indicator's row is locked against a
-- delete until this transaction ends. An indicator that another transaction is deleting counts as deleted: to wait for
-- that transaction could end in a deadlock, because it may be waiting for a row that this one has locked.
--
-- The parameters must fit the indicator's schema, with its defaults for parameters that are omitted.
--
-- Indicator and parameters are checked when they are set and not later, so a component stays as it is when the
-- indicator's author makes it private or revises its schema. The parameters of an indicator that the owner may no longer
-- see are not checked, because the error would show them its schema.
--
-- Triggers run before row-level security, so for a row of another user nothing is looked up.
create function private.check_component()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_is_new boolean := tg_op = 'INSERT'
    or (old.indicator_id, old.is_custom) is distinct from (new.indicator_id, new.is_custom);
  v_name text;
  v_schema jsonb;
  v_defaults jsonb;
  v_fault jsonb;
begin
  if auth.uid() is not null and new.user_id is distinct from private.reader_id() then
    return new;
  end if;

  perform private.check_json(new.parameters, 8192, 'parameters', 'strategy_components_parameters_size');

  -- The sweep has not unlinked this component from its deleted indicator yet, so this change does it.
  if not v_is_new and exists (
    select
    from private.deleted_indicators as d
    where d.indicator_id = new.indicator_id
  ) then
    new.indicator_id := null;
  end if;

  if new.indicator_id is null or jsonb_typeof(new.parameters) <> 'object' then
    return new;
  end if;

  if new.is_custom then
    select i.name, i.parameters, jsonb '{}'
    into v_name, v_schema, v_defaults
    from public.custom_indicators as i
    where i.id = new.indicator_id
      and (i.is_public or i.user_id = new.user_id)
    for key share skip locked;
  else
    select i.name, i.parameters, i.defaults
    into v_name, v_schema, v_defaults
    from public.indicators as i
    where i.id = new.indicator_id
      and (i.is_public or i.created_by = new.user_id)
    for key share skip locked;
  end if;

  if v_name is null and not v_is_new then
    return new;
  elsif v_name is null then
    perform private.raise_error(
      'indicator_not_found',
      'No such indicator: choose one from the library, or one of your own with is_custom.',
      jsonb_build_object('indicator_id', new.indicator_id, 'is_custom', new.is_custom)
    );
  end if;

  v_fault := private.parameters_fault(v_schema, new.parameters, v_defaults);
  if v_fault is not null then
    perform private.refuse_parameters(v_fault, v_name);
  end if;

  if v_is_new then
    new.indicator_name := v_name;
  end if;
  return new;
end;
$$;

-- 500: after the owner is filled in (100), because the indicator must be visible to the owner.
create trigger strategy_components_500_check_new
  before insert on public.strategy_components
  for each row
  execute function private.check_component();

create trigger strategy_components_check_changed
  before update of indicator_id, is_custom, parameters on public.strategy_components
  for each row
  when (
    (old.indicator_id, old.is_custom, old.parameters)
      is distinct from (new.indicator_id, new.is_custom, new.parameters)
  )
  execute function private.check_component();

create trigger strategy_components_lock_account
  before insert or update or delete on public.strategy_components
  for each statement
  execute function private.lock_own_account();

-- Unlinking a deleted indicator changes neither the component nor its strategy, so
-- unlink_deleted_indicators() turns this off by a setting.
create trigger strategy_components_set_updated_at
  before update on public.strategy_components
  for each row
  when (
    old.* is distinct from new.*
    and current_setting('pinebase.strategy_writer', true) is distinct from 'unlink'
  )
  execute function private.set_updated_at();

-- A change of components is a change of the strategy: its updated_at moves and a version is written. The strategies
-- are locked first, so that nobody can get past the limit of 64 by writing side by side, and in the order of their
-- ids, so that two statements cannot deadlock. A strategy that is deleted by the same statement, also with its
-- owner, is skipped.
create function private.after_components_changed()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_strategy_ids uuid[] := array(select distinct c.strategy_id from changed as c);
begin
  -- The operator may move a component to another strategy: both strategies change.
  if tg_op = 'UPDATE' then
    v_strategy_ids := v_strategy_ids || array(select distinct r.strategy_id from replaced as r);
  end if;
  if v_strategy_ids = '{}' then
    return null;
  end if;

  v_strategy_ids := array(
    select s.id
    from public.strategies as s
    where s.id = any (v_strategy_ids)
      and exists (select from public.users as u where u.id = s.user_id)
    order by s.id
    for no key update
  );

  update public.strategies as s
  set updated_at = now()
  where s.id = any (v_strategy_ids)
    and s.updated_at <> now();

  if tg_op <> 'DELETE' and exists (
    select
    from public.strategy_components as c
    where c.strategy_id = any (v_strategy_ids)
    group by c.strategy_id
    having count(*) > 64
  ) then
    raise exception using
      errcode = 'check_violation',
      message = 'A strategy has at most 64 components.',
      schema = 'public',
      table = 'strategy_components',
      constraint = 'strategy_components_at_most_64';
  end if;

  if coalesce(current_setting('pinebase.strategy_writer', true), '') = '' then
    perform private.write_version(s.strategy_id)
    from unnest(v_strategy_ids) as s (strategy_id);
  end if;
  return null;
end;
$$;

create trigger strategy_components_inserted
  after insert on public.strategy_components
  referencing new table as changed
  for each statement
  execute function private.after_components_changed();

create trigger strategy_components_updated
  after update on public.strategy_components
  referencing old table as replaced new table as changed
  for each statement
  when (current_setting('pinebase.strategy_writer', true) is distinct from 'unlink')
  execute function private.after_components_changed();

create trigger strategy_components_deleted
  after delete on public.strategy_components
  referencing old table as changed
  for each statement
  execute function private.after_components_changed();

revoke all on public.strategy_components from public, anon, authenticated, service_role;
grant select on public.strategy_components to anon, authenticated;
grant
  insert (strategy_id, indicator_id, is_custom, component_type, parameters, position),
  update (indicator_id, is_custom, component_type, parameters, position),
  delete
  on public.strategy_components
  to authenticated;
grant select, insert, update, delete on public.strategy_components to service_role;
revoke all on function private.set_component_owner, private.check_component, private.after_components_changed
  from public, anon, authenticated, service_role;

-- Returns components of a version or of another strategy, changed so that this strategy can hold them: the reference
-- is removed where the indicator is deleted, hidden from the owner, or has another parameter schema by now. The name
-- stays, and no component makes a restore or a fork fail. The indicators that remain are locked against deletion
-- until the transaction ends; one that is being deleted counts as deleted, for the reason given at
-- check_component().
create function private.adopt_components(strategy_id uuid, owner_id uuid, components jsonb)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_adopted jsonb := '[]';
  v_component jsonb;
  v_id uuid;
  v_is_custom boolean;
  v_schema jsonb;
  v_defaults jsonb;
begin
  for v_component in
    select e.component
    from jsonb_array_elements(adopt_components.components) as e (component)
  loop
    v_id := (v_component ->> 'indicator_id')::uuid;
    v_is_custom := (v_component -> 'is_custom')::boolean;
    v_schema := null;

    if v_id is not null and v_is_custom then
      select i.parameters, jsonb '{}'
      into v_schema, v_defaults
      from public.custom_indicators as i
      where i.id = v_id
        and (i.is_public or i.user_id = adopt_components.owner_id)
      for key share skip locked;
    elsif v_id is not null then
      select i.parameters, i.defaults
      into v_schema, v_defaults
      from public.indicators as i
      where i.id = v_id
        and (i.is_public or i.created_by = adopt_components.owner_id)
      for key share skip locked;
    end if;

    if (v_schema is null or private.parameters_fault(v_schema, v_component -> 'parameters', v_defaults) is not null)
      -- A component that the strategy already has at this position may stay.
      and not exists (
        select
        from public.strategy_components as c
        where c.strategy_id = adopt_components.strategy_id
          and not exists (select from private.deleted_indicators as d where d.indicator_id = v_id)
          and c.component_type = v_component ->> 'component_type'
          and c.position = (v_component ->> 'position')::integer
          and c.indicator_id = v_id
          and c.is_custom = v_is_custom
          and c.parameters = v_component -> 'parameters'
      )
    then
      v_component := v_component || jsonb '{"indicator_id": null}';
    end if;
    v_adopted := v_adopted || v_component;
  end loop;
  return v_adopted;
end;
$$;

revoke all on function private.adopt_components from public, anon, authenticated, service_role;

-- Returns a strategy document as a reader gets it: with defaults for the parameters that are left out.
create function private.complete_strategy_document(document jsonb)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  if complete_strategy_document.document -> 'components' = '[]' then
    return complete_strategy_document.document;
  end if;

  return (
    select jsonb_set(
      complete_strategy_document.document,
      '{components}',
      jsonb_agg(
        jsonb_set(
          c.component,
          '{parameters}',
          private.component_defaults(
            (c.component ->> 'is_custom')::boolean,
            (c.component ->> 'indicator_id')::uuid,
            private.reader_id()
          ) || (c.component -> 'parameters')
        )
        order by c.place
      )
    )
    from jsonb_array_elements(complete_strategy_document.document -> 'components') with ordinality as c (component, place)
  );
end;
$$;

revoke all on function private.complete_strategy_document from public, anon, authenticated, service_role;

-- Returns the values of parameters that a component leaves out: the indicator's own defaults, then those of its
-- schema. Empty where the reader may not see the indicator.
create function private.component_defaults(is_custom boolean, indicator_id uuid, reader_id uuid)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_defaults jsonb;
begin
  if component_defaults.is_custom then
    select private.parameter_defaults(i.parameters)
    into v_defaults
    from public.custom_indicators as i
    where i.id = component_defaults.indicator_id
      and (i.is_public or i.user_id = component_defaults.reader_id);
  else
    select private.parameter_defaults(i.parameters) || i.defaults
    into v_defaults
    from public.indicators as i
    where i.id = component_defaults.indicator_id
      and (i.is_public or i.created_by = component_defaults.reader_id);
  end if;
  return coalesce(v_defaults, '{}');
end;
$$;

revoke all on function private.component_defaults from public, anon, authenticated, service_role;

-- Indicators that were deleted while components referred to them. The request that deletes an indicator writes no
-- rows of other users; the sweep sets their indicator_id to null in batches.
create table private.deleted_indicators (
  indicator_id uuid primary key,
  deleted_at timestamptz not null default now()
);

comment on table private.deleted_indicators is 'Deleted indicators to which components still refer.';

-- Records a deleted indicator that components still refer to. They keep its name. The planner may not read the whole
-- table of components: where few indicators are used, it expects to find a component of this one soon, and would read
-- every row to find that there is none.
create function private.note_deleted_indicator()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
set enable_seqscan = off
as $$
begin
  -- A transaction that links a component holds a lock on the indicator until it is committed, so its component is
  -- visible here.
  if exists (
    select
    from public.strategy_components as c
    where c.indicator_id = old.id
  ) then
    insert into private.deleted_indicators (indicator_id)
    values (old.id)
    on conflict (indicator_id) do nothing;
  end if;
  return null;
end;
$$;

create trigger indicators_note_deleted
  after delete on public.indicators
  for each row
  execute function private.note_deleted_indicator();

create trigger custom_indicators_note_deleted
  after delete on public.custom_indicators
  for each row
  execute function private.note_deleted_indicator();

revoke all on private.deleted_indicators from public, anon, authenticated, service_role;
revoke all on function private.note_deleted_indicator from public, anon, authenticated, service_role;

-- Strategies that were deleted while forks of them existed. The request that deletes a strategy writes no rows of
-- other users; the sweep sets their forked_from to null in batches.
create table private.deleted_sources (
  strategy_id uuid primary key,
  deleted_at timestamptz not null default now()
);

comment on table private.deleted_sources is 'Deleted strategies to which forks still refer.';

revoke all on private.deleted_sources from public, anon, authenticated, service_role;

-- Returns the ids of the newest public strategies after a place on the page that match the query, max_rows at most;
-- null for none. A word that many strategies have is found among the newest. A rare word is found by the index of
-- words, which would have to fetch and sort every strategy with a common word. So the newest 300 are searched first.
-- If at least one of them matches, the newest 5,000 are searched; otherwise the index of words finds the rest. The
-- planner may not read the whole table, whatever it estimates.
create function private.find_public_strategies(
  query tsquery,
  market_type text,
  timeframe text,
  after_time timestamptz,
  after_id uuid,
  max_rows integer
)
returns uuid[]
language plpgsql
stable
security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
as $$
declare
  v_found uuid[];
  v_seen integer;
  v_looked_at integer;
begin
  foreach v_looked_at in array case when find_public_strategies.query is null then array[max_rows] else array[300, 5000] end
  loop
    select
      (array_agg(n.strategy_id order by n.created_at desc, n.strategy_id desc)
        filter (where find_public_strategies.query is null or n.words @@ find_public_strategies.query)
      )[:find_public_strategies.max_rows],
      count(*)
    into v_found, v_seen
    from (
      select p.strategy_id, p.created_at, p.words
      from private.public_strategies as p
      where (p.created_at, p.strategy_id) < (find_public_strategies.after_time, find_public_strategies.after_id)
        and (find_public_strategies.market_type is null or p.market_type = find_public_strategies.market_type)
        and (find_public_strategies.timeframe is null or p.timeframe = find_public_strategies.timeframe)
      order by p.created_at desc, p.strategy_id desc
      limit v_looked_at
    ) as n;

    if find_public_strategies.query is null
      or v_seen < v_looked_at
      or cardinality(v_found) = find_public_strategies.max_rows
    then
      return v_found;
    end if;
    exit when v_found is null;
  end loop;

  -- Materialized, so that the planner cannot read the page in order instead.
  with found as materialized (
    select p.strategy_id, p.created_at, p.market_type, p.timeframe
    from private.public_strategies as p
    where p.words @@ find_public_strategies.query
  ),
  page as (
    select f.strategy_id, f.created_at
    from found as f
    where (f.created_at, f.strategy_id) < (find_public_strategies.after_time, find_public_strategies.after_id)
      and (find_public_strategies.market_type is null or f.market_type = find_public_strategies.market_type)
      and (find_public_strategies.timeframe is null or f.timeframe = find_public_strategies.timeframe)
    order by f.created_at desc, f.strategy_id desc
    limit find_public_strategies.max_rows
  )
  select array_agg(p.strategy_id order by p.created_at desc, p.strategy_id desc)
  into v_found
  from page as p;
  return v_found;
end;
$$;

revoke all on function private.find_public_strategies from public, anon, authenticated, service_role;

-- Copies a strategy that the caller may see into a private one of their own.
create function private.fork_strategy(strategy_id uuid, name text default null)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.caller_account();
  v_document jsonb;
  v_fork_id uuid;
  v_constraint text;
begin
  -- Keeps the source from being deleted before the fork is committed, because the fork stores its id.
  perform
  from public.strategies as s
  where s.id = fork_strategy.strategy_id
    and (s.is_public or s.user_id = v_user_id)
  for key share;

  v_document := private.get_strategy(fork_strategy.strategy_id);
  perform set_config('pinebase.strategy_writer', 'save', true);

  -- Copies every column, also one that a later release adds, except those that are the fork's own.
  insert into public.strategies as s
  select f.*
  from jsonb_populate_record(
    null::public.strategies,
    v_document || jsonb_build_object(
      'id', gen_random_uuid(),
      'user_id', v_user_id,
      'name', coalesce(fork_strategy.name, v_document ->> 'name'),
      'is_public', false,
      'forked_from', fork_strategy.strategy_id,
      'current_version', 1,
      'created_at', now(),
      'updated_at', now()
    )
  ) as f
  returning s.id into v_fork_id;

  -- Parameters that the source omits get the defaults that its reader saw, also for a component that keeps no more than
  -- its indicator's name.
  perform private.replace_components(
    v_fork_id,
    v_user_id,
    private.adopt_components(v_fork_id, v_user_id, v_document -> 'components')
  );

  return private.complete_strategy_document(private.write_version(v_fork_id));
exception
  when check_violation then
    get stacked diagnostics v_constraint = constraint_name;
    perform private.refuse_argument(v_constraint);
    raise;
end;
$$;

create function public.fork_strategy(strategy_id uuid, name text default null)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.fork_strategy(strategy_id, name);
end;

comment on function public.fork_strategy(uuid, text) is
  'Copies a strategy that the caller may see into a private one of their own, and answers its document.';

revoke all on function private.fork_strategy, public.fork_strategy from public, anon, authenticated, service_role;
grant execute on function private.fork_strategy, public.fork_strategy to authenticated;

create function private.get_strategy(strategy_id uuid)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  if not exists (
    select
    from public.strategies as s
    where s.id = get_strategy.strategy_id
      and (s.is_public or s.user_id = (select private.reader_id()))
  ) then
    perform private.raise_error(
      'strategy_not_found', 'No strategy has this id, or it is not published: check the id.',
      jsonb_build_object('strategy_id', get_strategy.strategy_id)
    );
  end if;
  return private.complete_strategy_document(private.strategy_document(get_strategy.strategy_id));
end;
$$;

create function public.get_strategy(strategy_id uuid)
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.get_strategy(strategy_id);
end;

comment on function public.get_strategy(uuid) is
  'The document of a strategy that is public or the caller''s own, with defaults for the parameters that are left out.';

revoke all on function private.get_strategy, public.get_strategy from public, anon, authenticated, service_role;
grant execute on function private.get_strategy, public.get_strategy to anon, authenticated, service_role;

-- Public strategies, newest first. Each page starts after the last row of the page before, so rows that appear
-- meanwhile cause no repeats and no gaps. Every table is read by its keys, and the planner may not read a whole one
-- instead.
--
-- A cursor is created_at in microseconds and the id: 24 bytes, which are 32 characters of base64url without padding.
-- It contains nothing that the row does not show, so it needs no secret.
create function private.list_public_strategies(
  search text,
  market_type text,
  timeframe text,
  page_size integer,
  cursor text
)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_page_size integer := coalesce(list_public_strategies.page_size, 20);
  v_query tsquery;
  v_bytes bytea;
  v_microseconds bigint;
  v_after_time timestamptz := 'infinity';
  v_after_id uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  v_page jsonb;
begin
  if v_page_size not between 1 and 100 then
    perform private.raise_error(
      'invalid_argument', 'page_size must be between 1 and 100.',
      '{"argument": "page_size", "minimum": 1, "maximum": 100}'
    );
  end if;
    v_query := private.search_query(list_public_strategies.search);
  perform private.check_argument('strategies_market_type_known', list_public_strategies.market_type);
  perform private.check_argument('strategies_timeframe_known', list_public_strategies.timeframe);

  if list_public_strategies.cursor is not null then
    if list_public_strategies.cursor ~ '^[A-Za-z0-9_-]{32}$' then
      v_bytes := decode(translate(list_public_strategies.cursor, '-_', '+/'), 'base64');
      v_microseconds := ('x' || encode(substr(v_bytes, 1, 8), 'hex'))::bit(64)::bigint;
    end if;

    -- From 2000 to 2200: far more than occurs, and within the range of a timestamp.
    if coalesce(v_microseconds, 0) not between 946684800000000 and 7258118400000000 then
      perform private.raise_error(
        'invalid_argument', 'cursor must be the next_cursor of an earlier page. Omit it for the first page.',
        '{"argument": "cursor"}'
      );
    end if;
    v_after_time := timestamptz '1970-01-01 00:00:00+00' + v_microseconds * interval '1 microsecond';
    v_after_id := encode(substr(v_bytes, 9), 'hex')::uuid;
  end if;

  select jsonb_build_object(
    'items', coalesce(jsonb_agg(p.item order by p.place) filter (where p.place <= v_page_size), '[]'),
    'next_cursor', max(p.cursor) filter (where p.place = v_page_size and p.has_next)
  )
  into v_page
  from (
    select
      jsonb_build_object(
        'strategy_id', f.id,
        'name', f.name,
        'description', f.description,
        'market_type', f.market_type,
        'timeframe', f.timeframe,
        'is_public', f.is_public,
        'is_ai_generated', f.is_ai_generated,
        'version_number', f.current_version,
        'created_at', f.created_at,
        'updated_at', f.updated_at,
        'author', (select u.public_name from public.users as u where u.id = f.user_id),
        'forked_from', (select source.id from public.strategies as source where source.id = f.forked_from),
        'fork_count', coalesce((select k.forks from private.strategy_forks as k where k.strategy_id = f.id), 0)
      ) as item,
      translate(
        encode(int8send((extract(epoch from f.created_at) * 1000000)::bigint) || uuid_send(f.id), 'base64'), '+/', '-_'
      ) as cursor,
      found.place,
      lead(true, 1, false) over (order by found.place) as has_next
    from unnest(
      private.find_public_strategies(
        v_query,
        list_public_strategies.market_type,
        list_public_strategies.timeframe,
        v_after_time,
        v_after_id,
        v_page_size + 1
      )
    ) with ordinality as found (id, place)
    join public.strategies as f on f.id = found.id
  ) as p;

  return v_page;
end;
$$;

create function public.list_public_strategies(
  search text default null,
  market_type text default null,
  timeframe text default null,
  page_size integer default null,
  cursor text default null
)
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.list_public_strategies(search, market_type, timeframe, page_size, cursor);
end;

comment on function public.list_public_strategies(text, text, text, integer, text) is
  'Public strategies, newest first: {items, next_cursor}. Items are documents without config and components, with fork_count.';

revoke all on function private.list_public_strategies, public.list_public_strategies
  from public, anon, authenticated, service_role;
grant execute on function private.list_public_strategies, public.list_public_strategies
  to anon, authenticated, service_role;

-- Locks a strategy of this owner against other writers and returns its version; raises strategy_not_found.
-- Components that will be replaced are locked first: a client that changes a component locks it before the strategy.
create function private.lock_strategy(
  strategy_id uuid,
  owner_id uuid,
  with_components boolean,
  out current_version integer,
  out is_ai_generated boolean
)
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if lock_strategy.with_components then
    perform
    from public.strategy_components as c
    where c.strategy_id = lock_strategy.strategy_id
      and c.user_id = lock_strategy.owner_id
    order by c.id
    for no key update;
  end if;

  select s.current_version, s.is_ai_generated
  into current_version, is_ai_generated
  from public.strategies as s
  where s.id = lock_strategy.strategy_id
    and s.user_id = lock_strategy.owner_id
  for no key update;

  if not found then
    perform private.raise_error(
      'strategy_not_found', 'You have no strategy of this id: check the id.',
      jsonb_build_object('strategy_id', lock_strategy.strategy_id)
    );
  end if;
end;
$$;

revoke all on function private.lock_strategy from public, anon, authenticated, service_role;

-- One row for each published strategy, which list_public_strategies() searches. A search in public.strategies itself
-- would depend on the planner's estimate of how many rows contain a word: where it is wrong, a search without hits
-- reads every public strategy. Here the words are stored, so reading them costs little, and find_public_strategies()
-- decides by what it has found. Private strategies have no row, and clients never see the stored words.
create table private.public_strategies (
  strategy_id uuid primary key references public.strategies (id) on delete cascade,
  created_at timestamptz not null,
  market_type text,
  timeframe text,
  words tsvector not null
);

create index public_strategies_page_idx on private.public_strategies (created_at desc, strategy_id desc);

create index public_strategies_market_idx
  on private.public_strategies (market_type, timeframe, created_at desc, strategy_id desc);

create index public_strategies_market_page_idx
  on private.public_strategies (market_type, created_at desc, strategy_id desc);

create index public_strategies_timeframe_page_idx
  on private.public_strategies (timeframe, created_at desc, strategy_id desc);

create index public_strategies_words_idx on private.public_strategies using gin (words);

comment on table private.public_strategies is
  'Published strategies with their words for the search; kept up to date by a trigger on strategies.';

revoke all on private.public_strategies from public, anon, authenticated, service_role;

-- Reads the components of a document as a client sends them, and returns them with every field filled in. Each field
-- must have the type that the contract names, and an unknown field is refused, because a misspelt one would be lost
-- silently. Positions that are left out are counted within the component type. Raises invalid_argument.
create function private.read_components(components jsonb)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_fields text[] := array['component_type', 'position', 'is_custom', 'indicator_id', 'indicator_name', 'parameters'];
  v_index bigint;
  v_component jsonb;
  v_field text;
  v_types text[];
  v_read jsonb;
begin
  if jsonb_typeof(read_components.components) <> 'array' then
    perform private.raise_error(
      'invalid_argument', 'components must be an array.', '{"argument": "components", "type": "array"}'
    );
  end if;

  -- Parameters that take too much memory are refused unread: looking at each of their numbers costs the most.
  select e.place - 1
  into v_index
  from jsonb_array_elements(read_components.components) with ordinality as e (component, place)
  where pg_catalog.pg_column_size(e.component -> 'parameters') > 4 * 8192 + 64
  limit 1;

  if v_index is not null then
    perform private.raise_error(
      'invalid_argument', format('Correct "parameters" of component %s.', v_index),
      jsonb_build_object('argument', 'components', 'index', v_index, 'field', 'parameters')
    );
  end if;
  perform private.check_json(read_components.components, 131072, 'components');

  if jsonb_array_length(read_components.components) > 64 then
    perform private.raise_error(
      'invalid_argument', 'A strategy has at most 64 components.', '{"argument": "components", "maximum": 64}'
    );
  end if;

  v_types := private.allowed_values('strategy_components_component_type_known');
  for v_component, v_index in
    select e.component, e.place - 1
    from jsonb_array_elements(read_components.components) with ordinality as e (component, place)
  loop
    if jsonb_typeof(v_component) <> 'object' then
      perform private.raise_error(
        'invalid_argument', format('Component %s must be an object.', v_index),
        jsonb_build_object('argument', 'components', 'index', v_index)
      );
    end if;

    v_field := case
      when coalesce(v_component ->> 'component_type', '') <> all (v_types)
        then 'component_type'
      when jsonb_typeof(v_component -> 'position') not in ('number', 'null')
        or v_component ->> 'position' !~ '^\d{1,9}$'
        then 'position'
      when jsonb_typeof(v_component -> 'is_custom') not in ('boolean', 'null')
        then 'is_custom'
      when jsonb_typeof(v_component -> 'indicator_id') not in ('string', 'null')
        or v_component ->> 'indicator_id' !~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'
        then 'indicator_id'
      when jsonb_typeof(v_component -> 'indicator_name') not in ('string', 'null')
        or char_length(v_component ->> 'indicator_name') > 200
        then 'indicator_name'
      when jsonb_typeof(v_component -> 'parameters') not in ('object', 'null')
        or octet_length(v_component ->> 'parameters') > 8192
        then 'parameters'
      else (select k.name from jsonb_object_keys(v_component) as k (name) where k.name <> all (v_fields) limit 1)
    end;
    if v_field is not null then
      perform private.raise_error(
        'invalid_argument', format('Correct "%s" of component %s.', v_field, v_index),
        jsonb_build_object('argument', 'components', 'index', v_index, 'field', v_field)
      );
    end if;
  end loop;

  select jsonb_agg(
    jsonb_build_object(
      'component_type', n.component_type,
      'position', n.position,
      'is_custom', coalesce((n.component ->> 'is_custom')::boolean, false),
      'indicator_id', n.component -> 'indicator_id',
      'indicator_name', n.component -> 'indicator_name',
      'parameters', coalesce(nullif(n.component -> 'parameters', 'null'), '{}')
    )
    order by n.place
  )
  into v_read
  from (
    select
      e.component,
      e.place,
      e.component ->> 'component_type' as component_type,
      coalesce(
        (e.component ->> 'position')::integer,
        row_number() over (partition by e.component ->> 'component_type' order by e.place) - 1
      ) as position
    from jsonb_array_elements(read_components.components) with ordinality as e (component, place)
  ) as n;

  select min(c.component ->> 'component_type'), min((c.component ->> 'position')::bigint)
  into v_field, v_index
  from jsonb_array_elements(v_read) as c (component)
  group by c.component -> 'component_type', c.component -> 'position'
  having count(*) > 1
  limit 1;

  if v_field is not null then
    perform private.raise_error(
      'invalid_argument', format('Give position %s of type %s to one component only.', v_index, v_field),
      jsonb_build_object('argument', 'components', 'component_type', v_field, 'position', v_index)
    );
  end if;
  return coalesce(v_read, '[]');
end;
$$;

revoke all on function private.read_components from public, anon, authenticated, service_role;

-- Makes a strategy's components those of a document, by the smallest change. A component that is in the strategy
-- already is not written, so it is not checked again either, and stays even if its indicator has been hidden since.
-- Parameters that differ only by defaults, as get_strategy() returns them, count as equal.
create function private.replace_components(strategy_id uuid, owner_id uuid, components jsonb)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  delete from public.strategy_components as c
  where c.strategy_id = replace_components.strategy_id
    and not exists (
      select
      from jsonb_to_recordset(replace_components.components) as n (component_type text, position integer)
      where n.component_type = c.component_type
        and n.position = c.position
    );

  update public.strategy_components as c
  set is_custom = n.is_custom,
      indicator_id = n.indicator_id,
      indicator_name = case when n.indicator_id is null then n.indicator_name else c.indicator_name end,
      parameters = n.parameters
  from jsonb_to_recordset(replace_components.components) as n (
    component_type text, position integer, is_custom boolean, indicator_id uuid, indicator_name text, parameters jsonb
  )
  where c.strategy_id = replace_components.strategy_id
    and c.component_type = n.component_type
    and c.position = n.position
    and (
      (c.is_custom, c.indicator_id) is distinct from (n.is_custom, n.indicator_id)
      or (n.indicator_id is null and c.indicator_name is distinct from n.indicator_name)
      or (
        c.parameters <> n.parameters
        and private.component_defaults(c.is_custom, c.indicator_id, c.user_id) || c.parameters <> n.parameters
      )
    );

  insert into public.strategy_components
    (strategy_id, user_id, component_type, position, is_custom, indicator_id, indicator_name, parameters)
  select
    replace_components.strategy_id, replace_components.owner_id,
    n.component_type, n.position, n.is_custom, n.indicator_id, n.indicator_name, n.parameters
  from jsonb_to_recordset(replace_components.components) as n (
    component_type text, position integer, is_custom boolean, indicator_id uuid, indicator_name text, parameters jsonb
  )
  where not exists (
    select
    from public.strategy_components as c
    where c.strategy_id = replace_components.strategy_id
      and c.component_type = n.component_type
      and c.position = n.position
  );
end;
$$;

revoke all on function private.replace_components from public, anon, authenticated, service_role;

-- Gives a component that is saved by indicator_name alone the id of the library's indicator of that name, or with
-- is_custom that of the owner's own indicator. A component that the strategy already has in this place under this
-- name, because its indicator was deleted, stays as it is. Raises indicator_not_found.
create function private.resolve_component_names(strategy_id uuid, owner_id uuid, components jsonb)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_components jsonb := resolve_component_names.components;
  v_named record;
  v_id uuid;
  v_type text;
begin
  for v_named in
    select e.place - 1 as index, n.component_type, n.position, n.is_custom, n.indicator_name
    from jsonb_array_elements(v_components) with ordinality as e (component, place)
    cross join lateral jsonb_to_record(e.component) as n (
      component_type text, position integer, is_custom boolean, indicator_id uuid, indicator_name text
    )
    where n.indicator_id is null
      and n.indicator_name is not null
      and not exists (
        select
        from public.strategy_components as c
        where c.strategy_id = resolve_component_names.strategy_id
          and c.component_type = n.component_type
          and c.position = n.position
          and c.indicator_name = n.indicator_name
          and (
            c.indicator_id is null
            or exists (select from private.deleted_indicators as d where d.indicator_id = c.indicator_id)
          )
      )
  loop
    if v_named.is_custom then
      select i.id, i.type
      into v_id, v_type
      from public.custom_indicators as i
      where i.user_id = resolve_component_names.owner_id
        and lower(i.name) = lower(btrim(v_named.indicator_name));
    else
      select i.id, i.type
      into v_id, v_type
      from public.indicators as i
      where lower(i.name) = lower(btrim(v_named.indicator_name))
        and (i.is_public or i.created_by = resolve_component_names.owner_id);
    end if;

    if v_id is null then
      perform private.raise_error(
        'indicator_not_found',
        format('No indicator is called "%s": choose one by its indicator_id.', v_named.indicator_name),
        jsonb_build_object(
          'argument', 'components', 'index', v_named.index, 'field', 'indicator_name',
          'indicator_name', v_named.indicator_name, 'is_custom', v_named.is_custom
        )
      );
    elsif v_type <> v_named.component_type then
      perform private.raise_error(
        'invalid_argument',
        format('"%s" is an indicator of type %s: use it in a component of that type.', v_named.indicator_name, v_type),
        jsonb_build_object(
          'argument', 'components', 'index', v_named.index, 'field', 'component_type', 'expected', v_type
        )
      );
    end if;

    v_components := jsonb_set(
      v_components, array[v_named.index::text, 'indicator_id'], to_jsonb(v_id)
    );
  end loop;
  return v_components;
end;
$$;

revoke all on function private.resolve_component_names from public, anon, authenticated, service_role;

-- Writes the content of an older version over the present content. As any change, that makes a new version.
create function private.restore_strategy_version(strategy_id uuid, version_number integer, notes text default null)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.caller_account();
  v_strategy_id uuid := restore_strategy_version.strategy_id;
  v_document jsonb;
  v_constraint text;
begin
  if restore_strategy_version.version_number is null then
    perform private.raise_error('invalid_argument', 'Give the version to restore.', '{"argument": "version_number"}');
  end if;

  perform private.lock_strategy(v_strategy_id, v_user_id, true);

  select v.config
  into v_document
  from public.strategy_versions as v
  where v.strategy_id = v_strategy_id
    and v.version_number = restore_strategy_version.version_number;

  if v_document is null then
    perform private.raise_error(
      'strategy_version_not_found', 'The strategy has no such version, or no longer: choose one from its history.',
      jsonb_build_object('strategy_id', v_strategy_id, 'version_number', restore_strategy_version.version_number)
    );
  end if;

  -- A version that an older release wrote may lack fields that exist now: these keep their present values.
  v_document := private.strategy_document(v_strategy_id) || v_document;
  perform set_config('pinebase.strategy_writer', 'save', true);
  perform private.write_strategy_document(v_strategy_id, v_document);

  perform private.replace_components(
    v_strategy_id,
    v_user_id,
    private.adopt_components(v_strategy_id, v_user_id, v_document -> 'components')
  );

  return private.complete_strategy_document(private.write_version(v_strategy_id, restore_strategy_version.notes));
exception
  when check_violation then
    get stacked diagnostics v_constraint = constraint_name;
    perform private.refuse_argument(v_constraint);
    raise;
end;
$$;

create function public.restore_strategy_version(strategy_id uuid, version_number integer, notes text default null)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.restore_strategy_version(strategy_id, version_number, notes);
end;

comment on function public.restore_strategy_version(uuid, integer, text) is
  'Makes a strategy of the caller''s what it was in one of its versions, as a new version, and answers its document.';

revoke all on function private.restore_strategy_version, public.restore_strategy_version
  from public, anon, authenticated, service_role;
grant execute on function private.restore_strategy_version, public.restore_strategy_version to authenticated;

-- Creates or updates a strategy of the caller with its components, all or nothing.
create function private.save_strategy(
  name text default null,
  config jsonb default null,
  components jsonb default null,
  strategy_id uuid default null,
  description text default null,
  market_type text default null,
  timeframe text default null,
  is_public boolean default null,
  is_ai_generated boolean default null,
  notes text default null,
  expected_version integer default null
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.caller_account();
  v_strategy_id uuid := save_strategy.strategy_id;
  v_current_version integer := 0;
  v_is_ai_generated boolean;
  v_config jsonb := nullif(save_strategy.config, 'null');
  v_components jsonb := private.read_components(nullif(save_strategy.components, 'null'));
  v_replaces_components boolean := nullif(save_strategy.components, 'null') is not null;
  v_constraint text;
begin
  if v_strategy_id is not null then
    select l.current_version, l.is_ai_generated
    into v_current_version, v_is_ai_generated
    from private.lock_strategy(v_strategy_id, v_user_id, v_replaces_components) as l;
  elsif save_strategy.name is null then
    perform private.raise_error(
      'invalid_argument', 'Give the new strategy a name.', '{"argument": "name"}'
    );
  elsif v_config is null then
    perform private.raise_error(
      'invalid_argument', 'Give the new strategy a config, if only {}.', '{"argument": "config"}'
    );
  end if;

  if save_strategy.expected_version <> v_current_version then
    perform private.raise_error(
      'version_conflict',
      'The strategy has changed meanwhile: read it again and make the change on the newest version.',
      jsonb_build_object(
        'expected_version', save_strategy.expected_version,
        'current_version', v_current_version
      )
    );
  elsif save_strategy.is_ai_generated <> v_is_ai_generated then
    perform private.raise_error(
      'invalid_argument', 'is_ai_generated can only be set when a strategy is created.',
      '{"argument": "is_ai_generated"}'
    );
  end if;

  -- Written by several statements: write_version() writes one version at the end, and the triggers write none.
  perform set_config('pinebase.strategy_writer', 'save', true);

  if v_strategy_id is null then
    insert into public.strategies as s
      (user_id, name, description, market_type, timeframe, is_public, is_ai_generated, config)
    values (
      v_user_id,
      save_strategy.name,
      nullif(save_strategy.description, ''),
      save_strategy.market_type,
      save_strategy.timeframe,
      coalesce(save_strategy.is_public, false),
      coalesce(save_strategy.is_ai_generated, false),
      v_config
    )
    returning s.id into v_strategy_id;
  else
    update public.strategies as s
    set name = coalesce(save_strategy.name, s.name),
        description = case
          when save_strategy.description is null then s.description
          else nullif(save_strategy.description, '')
        end,
        market_type = coalesce(save_strategy.market_type, s.market_type),
        timeframe = coalesce(save_strategy.timeframe, s.timeframe),
        is_public = coalesce(save_strategy.is_public, s.is_public),
        config = coalesce(v_config, s.config)
    where s.id = v_strategy_id
      -- A save that changes only components does not write the strategy's row a second time.
      and (
        s.name <> save_strategy.name
        or s.description is distinct from nullif(coalesce(save_strategy.description, s.description), '')
        or s.market_type is distinct from coalesce(save_strategy.market_type, s.market_type)
        or s.timeframe is distinct from coalesce(save_strategy.timeframe, s.timeframe)
        or s.is_public <> save_strategy.is_public
        or s.config <> v_config
      );
  end if;

  if v_replaces_components then
    perform private.replace_components(
      v_strategy_id,
      v_user_id,
      private.resolve_component_names(v_strategy_id, v_user_id, v_components)
    );
  end if;

  return private.complete_strategy_document(private.write_version(v_strategy_id, save_strategy.notes));
exception
  when check_violation then
    get stacked diagnostics v_constraint = constraint_name;
    perform private.refuse_argument(v_constraint);
    raise;
end;
$$;

create function public.save_strategy(
  name text default null,
  config jsonb default null,
  components jsonb default null,
  strategy_id uuid default null,
  description text default null,
  market_type text default null,
  timeframe text default null,
  is_public boolean default null,
  is_ai_generated boolean default null,
  notes text default null,
  expected_version integer default null
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.save_strategy(
    name, config, components, strategy_id, description, market_type, timeframe, is_public, is_ai_generated, notes,
    expected_version
  );
end;

comment on function public.save_strategy(text, jsonb, jsonb, uuid, text, text, text, boolean, boolean, text, integer) is
  'Creates a strategy, or updates the one of strategy_id, and answers its document. What is omitted stays as it is.';

revoke all on function private.save_strategy, public.save_strategy from public, anon, authenticated, service_role;
grant execute on function private.save_strategy, public.save_strategy to authenticated;

-- Returns the document of a strategy with the parameters that are stored; null for an unknown strategy.
create function private.strategy_document(strategy_id uuid)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'strategy_id', s.id,
      'name', s.name,
      'description', s.description,
      'market_type', s.market_type,
      'timeframe', s.timeframe,
      'is_public', s.is_public,
      'is_ai_generated', s.is_ai_generated,
      'config', s.config,
      'version_number', s.current_version,
      'created_at', s.created_at,
      'updated_at', s.updated_at,
      'author', (select u.public_name from public.users as u where u.id = s.user_id),
      'forked_from', (select source.id from public.strategies as source where source.id = s.forked_from),
      'components', coalesce(
        (
          select jsonb_agg(
            jsonb_build_object(
              'component_type', c.component_type,
              'position', c.position,
              'is_custom', c.is_custom,
              'indicator_id', case
                when not exists (
                  select
                  from private.deleted_indicators as d
                  where d.indicator_id = c.indicator_id
                ) then c.indicator_id
              end,
              'indicator_name', c.indicator_name,
              'parameters', c.parameters
            )
            order by c.component_type, c.position
          )
          from public.strategy_components as c
          where c.strategy_id = s.id
        ),
        '[]'
      )
    )
    from public.strategies as s
    where s.id = strategy_document.strategy_id
  );
end;
$$;

-- Writes a document back into the row of its strategy, to restore a version. is_public and is_ai_generated are not
-- restored, because they are not content. The components are written by replace_components().
create function private.write_strategy_document(strategy_id uuid, document jsonb)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  update public.strategies as s
  set name = d.name,
      description = d.description,
      market_type = d.market_type,
      timeframe = d.timeframe,
      config = d.config
  from jsonb_populate_record(null::public.strategies, write_strategy_document.document) as d
  where s.id = write_strategy_document.strategy_id
    and (s.name, s.description, s.market_type, s.timeframe, s.config)
      is distinct from (d.name, d.description, d.market_type, d.timeframe, d.config);
end;
$$;

revoke all on function private.strategy_document, private.write_strategy_document
  from public, anon, authenticated, service_role;

-- How many forks each strategy has. The number is counted as forks come and go, because counting rows takes longer
-- the more popular a strategy is. It has a table of its own, so that a user who forks a strategy does not lock the
-- row that its owner edits.
create table private.strategy_forks (
  strategy_id uuid primary key,
  forks integer not null,
  constraint strategy_forks_not_negative check (forks >= 0)
)
with (fillfactor = 70);

comment on table private.strategy_forks is 'How many strategies that exist were forked from each strategy; no row means none.';

revoke all on private.strategy_forks from public, anon, authenticated, service_role;

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

-- Sets indicator_id to null in the components of deleted indicators, in at most max_rows of them, and returns how many
-- it changed. Neither updated_at nor the versions change. Components that another transaction is writing are left for
-- the next call, so that neither waits for the other. The planner may not read the whole table of components, for the
-- reason given at note_deleted_indicator().
create function private.unlink_deleted_indicators(max_rows integer)
returns integer
language plpgsql
volatile
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_indicator_id uuid;
  v_rows integer;
  v_unlinked integer := 0;
begin
  perform set_config('pinebase.strategy_writer', 'unlink', true);

  for v_indicator_id in
    select d.indicator_id
    from private.deleted_indicators as d
    order by d.deleted_at
    limit unlink_deleted_indicators.max_rows
    for update skip locked
  loop
    with orphans as (
      select c.id
      from public.strategy_components as c
      where c.indicator_id = v_indicator_id
      limit unlink_deleted_indicators.max_rows - v_unlinked
      for no key update skip locked
    )
    update public.strategy_components as c
    set indicator_id = null
    from orphans as o
    where c.id = o.id;
    get diagnostics v_rows = row_count;
    v_unlinked := v_unlinked + v_rows;

    delete from private.deleted_indicators as d
    where d.indicator_id = v_indicator_id
      and not exists (select from public.strategy_components as c where c.indicator_id = v_indicator_id);

    exit when v_unlinked >= unlink_deleted_indicators.max_rows;
  end loop;

  perform set_config('pinebase.strategy_writer', '', true);
  return v_unlinked;
end;
$$;

revoke all on function private.unlink_deleted_indicators from public, anon, authenticated, service_role;

-- Sets forked_from to null in the forks of deleted strategies, max_rows at most, and returns how many. A fork that
-- another transaction is writing is left for the next call. Neither updated_at nor the history of a fork changes.
create function private.unlink_deleted_sources(max_rows integer)
returns integer
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_source_id uuid;
  v_rows integer;
  v_unlinked integer := 0;
begin
  for v_source_id in
    select d.strategy_id
    from private.deleted_sources as d
    order by d.deleted_at
    limit unlink_deleted_sources.max_rows
    for update skip locked
  loop
    with forks as (
      select s.id
      from public.strategies as s
      where s.forked_from = v_source_id
      order by s.id
      limit unlink_deleted_sources.max_rows - v_unlinked
      for no key update skip locked
    )
    update public.strategies as s
    set forked_from = null
    from forks as f
    where s.id = f.id;
    get diagnostics v_rows = row_count;
    v_unlinked := v_unlinked + v_rows;

    delete from private.deleted_sources as d
    where d.strategy_id = v_source_id
      and not exists (select from public.strategies as s where s.forked_from = v_source_id);

    exit when v_unlinked >= unlink_deleted_sources.max_rows;
  end loop;
  return v_unlinked;
end;
$$;

revoke all on function private.unlink_deleted_sources from public, anon, authenticated, service_role;

-- Returns an older document without the ids of indicators that have been deleted since, because the deletion of an
-- indicator is not a change of the strategy.
create function private.without_gone_indicators(document jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
begin atomic
  select jsonb_set(
    without_gone_indicators.document,
    '{components}',
    coalesce(
      jsonb_agg(
        case
          when exists (
            select
            from public.indicators as i
            where i.id = (c.component ->> 'indicator_id')::uuid
              and c.component -> 'is_custom' = 'false'
          ) or exists (
            select
            from public.custom_indicators as i
            where i.id = (c.component ->> 'indicator_id')::uuid
              and c.component -> 'is_custom' = 'true'
          ) then c.component
          else c.component || '{"indicator_id": null}'
        end
        order by c.place
      ),
      '[]'
    )
  )
  from jsonb_array_elements(without_gone_indicators.document -> 'components') with ordinality as c (component, place);
end;

revoke all on function private.without_gone_indicators from public, anon, authenticated, service_role;

-- Writes the version of the running transaction: at most one for each strategy, and none if the transaction leaves
-- the content as it was. A later statement of the same transaction rewrites that version, or removes it.
-- The caller holds the lock on the strategy's row, so numbers have no gaps and no two writers get the same one.
create function private.write_version(strategy_id uuid, notes text default null)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  -- Fields of the document that are not content of the strategy.
  v_incidental text[] := array['version_number', 'is_public', 'created_at', 'updated_at', 'author', 'forked_from'];
  v_id uuid := private.version_id(write_version.strategy_id);
  v_document jsonb := private.strategy_document(write_version.strategy_id);
  v_content jsonb := v_document - v_incidental;
  v_base_number integer;
  v_base_content jsonb;
  v_number integer;
begin
  -- The functions that save a strategy in several statements end with this call: see private.save_strategy().
  perform set_config('pinebase.strategy_writer', '', true);

  -- A small document cannot print as a large one: its numbers are known to be doubles.
  if pg_column_size(v_document) > 4096 then
    perform private.check_json(v_document, 131072, 'strategy');
  end if;

  select v.version_number, v.config - v_incidental
  into v_base_number, v_base_content
  from public.strategy_versions as v
  where v.strategy_id = write_version.strategy_id
    and v.id <> v_id
  order by v.version_number desc
  limit 1;

  if v_base_content <> v_content
    and v_content @> '{"components": [{"indicator_id": null}]}'
    and jsonb_typeof(v_base_content -> 'components') = 'array'
  then
    v_base_content := private.without_gone_indicators(v_base_content);
  end if;

  if v_base_content = v_content then
    -- No version stores the notes, so no constraint checks them.
    perform private.check_argument('strategy_versions_notes_length', write_version.notes);
    v_number := v_base_number;
    delete from public.strategy_versions as v
    where v.id = v_id;
  else
    -- Without an older version, a new strategy has the number of its first version already. The same holds for the
    -- second write of a transaction where the plan keeps one version, because the first write removed the older one.
    v_number := coalesce(v_base_number + 1, (v_document ->> 'version_number')::integer);
    insert into public.strategy_versions as v (id, strategy_id, user_id, version_number, config, notes)
    select
      v_id, s.id, s.user_id, v_number, v_document || jsonb_build_object('version_number', v_number),
      write_version.notes
    from public.strategies as s
    where s.id = write_version.strategy_id
    on conflict (id) do update
      set config = excluded.config,
          notes = coalesce(excluded.notes, v.notes);
  end if;

  update public.strategies as s
  set current_version = v_number
  where s.id = write_version.strategy_id
    and s.current_version <> v_number;

  -- Most strategies have no more versions than the smallest plan keeps, so the plan is rarely looked up.
  if v_number > (select min(p.max_versions) from public.plans as p) then
    delete from public.strategy_versions as v
    where v.strategy_id = write_version.strategy_id
      and v.version_number <= private.last_pruned_version(write_version.strategy_id);
  end if;

  return v_document || jsonb_build_object('version_number', v_number);
end;
$$;

revoke all on function private.write_version from public, anon, authenticated, service_role;
