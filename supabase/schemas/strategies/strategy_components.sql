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
