-- Versions: the history of each strategy. Written by the database alone, so that a
-- history can be believed; read by its owner alone, so that publishing a strategy
-- does not publish what it was before.
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

comment on table public.strategy_versions is 'History of strategies: one row per committed change, read by the owner only.';
comment on column public.strategy_versions.version_number is 'From 1, without gaps from the oldest that is kept.';
comment on column public.strategy_versions.config is 'The whole strategy document of this version.';
comment on column public.strategy_versions.notes is 'What the owner said about the change.';
comment on column public.strategy_versions.user_id is 'The strategy''s owner, held equal by a composite foreign key.';

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

revoke all on public.strategy_versions from public, anon, authenticated, service_role;
grant select on public.strategy_versions to authenticated, service_role;

-- What the database remembers of each strategy to write its versions, one row a strategy.
--
-- A change of content marks the row; at commit, the mark is settled: the document is
-- compared with the newest version of an earlier transaction, and a version is written, or
-- not. Marks, not the changed rows, are what waits for the commit, so that a save of
-- twenty components settles once. A client that says `set constraints all immediate` gets
-- its change settled early and the next one again: the row knows which version its
-- transaction has written, and that one is rewritten.
create table private.strategy_histories (
  strategy_id uuid primary key references public.strategies (id) on delete cascade,
  changed_in xid8 not null,
  is_settled boolean not null default false,
  written_version integer,
  oldest_kept integer not null default 1
)
-- Updated twice by each change and never widened: room for that on each page.
with (fillfactor = 70);

comment on table private.strategy_histories is
  'What is known of each strategy''s newest change, for writing its version at commit.';
comment on column private.strategy_histories.changed_in is 'The transaction that last changed the content.';
comment on column private.strategy_histories.is_settled is 'Whether that change was compared, and its version written.';
comment on column private.strategy_histories.written_version is 'The version that this transaction wrote; null for none yet.';
comment on column private.strategy_histories.oldest_kept is 'Versions with a lower number were pruned.';

revoke all on private.strategy_histories from public, anon, authenticated, service_role;

-- A history can be believed because nobody can edit it, the tables' owner included. A
-- version is changed or taken back by the transaction that wrote it, goes when newer ones
-- push it out of the plan's number, and goes with its strategy. What the foreign key
-- carries over, the owner, is no change of it.
create function private.keep_strategy_version()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if tg_op in ('UPDATE', 'DELETE') then
    if exists (
      select
      from private.strategy_histories as h
      where h.strategy_id = old.strategy_id
        and (
          (h.written_version = old.version_number and h.changed_in = pg_current_xact_id())
          or (tg_op = 'DELETE' and old.version_number < h.oldest_kept)
        )
    ) or (
      tg_op = 'DELETE'
      and not exists (select from public.strategies as s where s.id = old.strategy_id)
    ) then
      if tg_op = 'DELETE' then
        return old;
      end if;
      return new;
    end if;
  end if;

  raise exception using
    errcode = 'insufficient_privilege',
    message = 'A version is never changed: save the strategy again, and a new one is written.',
    schema = tg_table_schema,
    table = tg_table_name;
end;
$$;

comment on function private.keep_strategy_version() is
  'Trigger function: refuses every change of a version but by the transaction that wrote it, by pruning, or with its strategy.';

revoke all on function private.keep_strategy_version from public, anon, authenticated, service_role;

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

-- The strategy document, as it is stored.
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

comment on function private.strategy_document(uuid) is
  'The whole document of a strategy with the parameters that are stored; null for an unknown one.';

revoke all on function private.strategy_document from public, anon, authenticated, service_role;

-- An older document as it would read now: without the ids of indicators that are gone
-- since, because their going is no change of the strategy.
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

comment on function private.without_gone_indicators(jsonb) is
  'A strategy document with null for the ids of indicators that exist no longer.';

revoke all on function private.without_gone_indicators from public, anon, authenticated, service_role;

-- Settles the marked change of a strategy: at most one version for a transaction, none
-- where it ends as it began. The strategy's row is locked by whoever marked it, so
-- numbers have no gaps and no two writers get the same.
create function private.settle_strategy(strategy_id uuid, notes text default null)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  -- What is in the document and no content of the strategy.
  v_incidental text[] := array['version_number', 'is_public', 'created_at', 'updated_at', 'author', 'forked_from'];
  v_written integer;
  v_document jsonb;
  v_content jsonb;
  v_base_number integer;
  v_base_content jsonb;
  v_number integer;
  v_oldest integer;
begin
  select h.written_version, h.oldest_kept
  into v_written, v_oldest
  from private.strategy_histories as h
  where h.strategy_id = settle_strategy.strategy_id
    and not h.is_settled;

  -- Settled already, or gone with its strategy.
  if not found then
    return;
  end if;

  v_document := private.strategy_document(settle_strategy.strategy_id);
  v_content := v_document - v_incidental;

  -- A small document cannot print as a large one: its numbers are known to be doubles.
  if pg_column_size(v_document) > 4096 then
    perform private.check_json(v_document, 131072, 'strategy');
  end if;

  select v.version_number, v.config - v_incidental
  into v_base_number, v_base_content
  from public.strategy_versions as v
  where v.strategy_id = settle_strategy.strategy_id
    and (v_written is null or v.version_number < v_written)
  order by v.version_number desc
  limit 1;

  if v_base_content <> v_content
    and v_content @> '{"components": [{"indicator_id": null}]}'
    and jsonb_typeof(v_base_content -> 'components') = 'array'
  then
    v_base_content := private.without_gone_indicators(v_base_content);
  end if;

  if v_base_content = v_content then
    v_number := v_base_number;
    if v_written is not null then
      delete from public.strategy_versions as v
      where v.strategy_id = settle_strategy.strategy_id
        and v.version_number = v_written;
      v_written := null;
    end if;
  else
    v_number := coalesce(v_written, v_base_number + 1, 1);
    v_document := v_document || jsonb_build_object('version_number', v_number);
    if v_written is not null then
      update public.strategy_versions as v
      set config = v_document,
          notes = coalesce(settle_strategy.notes, v.notes)
      where v.strategy_id = settle_strategy.strategy_id
        and v.version_number = v_written;
    else
      insert into public.strategy_versions (strategy_id, user_id, version_number, config, notes)
      select s.id, s.user_id, v_number, v_document, settle_strategy.notes
      from public.strategies as s
      where s.id = settle_strategy.strategy_id;
      v_written := v_number;
    end if;
  end if;

  update public.strategies as s
  set current_version = v_number
  where s.id = settle_strategy.strategy_id
    and s.current_version <> v_number;

  -- Who has no more versions than the smallest plan keeps, and that is nearly
  -- everybody, needs no look at the plan.
  if v_number - v_oldest >= (select min(p.max_versions) from public.plans as p) then
    select greatest(v_oldest, v_number - p.max_versions + 1)
    into v_oldest
    from public.strategies as s
    cross join lateral private.plan_of(s.user_id) as p
    where s.id = settle_strategy.strategy_id;
  end if;

  update private.strategy_histories as h
  set is_settled = true,
      written_version = v_written,
      oldest_kept = v_oldest
  where h.strategy_id = settle_strategy.strategy_id;

  delete from public.strategy_versions as v
  where v.strategy_id = settle_strategy.strategy_id
    and v.version_number < v_oldest;
end;
$$;

comment on function private.settle_strategy(uuid, text) is
  'Writes, rewrites or takes back the version of the current transaction, and prunes versions beyond the plan''s number.';

revoke all on function private.settle_strategy from public, anon, authenticated, service_role;

create function private.settle_at_commit()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform private.settle_strategy(new.strategy_id);
  return null;
end;
$$;

comment on function private.settle_at_commit() is
  'Constraint trigger function: settles the marked change of a strategy.';

revoke all on function private.settle_at_commit from public, anon, authenticated, service_role;

create constraint trigger strategy_histories_settle
  after insert or update on private.strategy_histories
  deferrable initially deferred
  for each row
  when (not new.is_settled)
  execute function private.settle_at_commit();

-- Marks strategies as changed by this transaction. Their rows are locked by the caller.
-- A second change of one transaction finds the mark and writes nothing.
create function private.mark_strategies(strategy_ids uuid[])
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  -- A strategy that is being deleted is not there any more, and one whose owner is being
  -- deleted is about to go too.
  insert into private.strategy_histories as h (strategy_id, changed_in)
  select s.id, pg_current_xact_id()
  from public.strategies as s
  where s.id = any (mark_strategies.strategy_ids)
    and exists (select from public.users as u where u.id = s.user_id)
  order by s.id
  on conflict (strategy_id) do update
    set changed_in = excluded.changed_in,
        is_settled = false,
        written_version = case h.changed_in when excluded.changed_in then h.written_version end
    where h.is_settled
      or h.changed_in <> excluded.changed_in;
end;
$$;

comment on function private.mark_strategies(uuid[]) is
  'Marks strategies as changed by the current transaction, so that their versions are written at commit.';

revoke all on function private.mark_strategies from public, anon, authenticated, service_role;

create function private.note_strategy_change()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform private.mark_strategies(array[new.id]);
  return null;
end;
$$;

comment on function private.note_strategy_change() is
  'Trigger function: marks a strategy whose content was written.';

revoke all on function private.note_strategy_change from public, anon, authenticated, service_role;

create trigger strategies_note_new
  after insert on public.strategies
  for each row
  execute function private.note_strategy_change();

-- Publishing is no change of content, nor is another owner.
create trigger strategies_note_change
  after update of name, description, is_ai_generated, market_type, timeframe, config on public.strategies
  for each row
  when (
    (old.name, old.description, old.is_ai_generated) is distinct from (new.name, new.description, new.is_ai_generated)
    or (old.market_type, old.timeframe, old.config) is distinct from (new.market_type, new.timeframe, new.config)
  )
  execute function private.note_strategy_change();

-- Fires after the trigger of the strategies' own rules, by its name: the strategies are
-- locked then, in the order of their ids.
create function private.note_component_changes()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if current_setting('pinebase.unlinking', true) is distinct from 'on' and exists (select from changed) then
    perform private.mark_strategies(array(select distinct c.strategy_id from changed as c));
  end if;
  return null;
end;
$$;

comment on function private.note_component_changes() is
  'Trigger function: marks the strategies whose components were written.';

revoke all on function private.note_component_changes from public, anon, authenticated, service_role;

create trigger strategy_components_inserted_note_change
  after insert on public.strategy_components
  referencing new table as changed
  for each statement
  execute function private.note_component_changes();

create trigger strategy_components_updated_note_change
  after update on public.strategy_components
  referencing new table as changed
  for each statement
  execute function private.note_component_changes();

create trigger strategy_components_deleted_note_change
  after delete on public.strategy_components
  referencing old table as changed
  for each statement
  execute function private.note_component_changes();

-- A component that the operator moves to another strategy is missing in the one it leaves.
create function private.note_component_leaves()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  update public.strategies as s
  set updated_at = now()
  where s.id = old.strategy_id;

  perform private.mark_strategies(array[old.strategy_id]);
  return null;
end;
$$;

comment on function private.note_component_leaves() is
  'Trigger function: marks the strategy that a component is moved out of.';

revoke all on function private.note_component_leaves from public, anon, authenticated, service_role;

create trigger strategy_components_note_leaving
  after update of strategy_id on public.strategy_components
  for each row
  when (old.strategy_id <> new.strategy_id)
  execute function private.note_component_leaves();

-- The strategies that are here already get their first version.
select private.mark_strategies(array(select s.id from public.strategies as s));
