-- Forks: how many strategies were forked from each, and what is left of them when the
-- source is deleted.
--
-- The number is counted as forks come and go, because counting rows takes longer the more
-- popular a strategy is. It stands in a table of its own, so that a stranger who forks a
-- strategy does not lock the row that its owner edits.
create table private.strategy_forks (
  strategy_id uuid primary key,
  forks integer not null,
  constraint strategy_forks_not_negative check (forks >= 0)
)
with (fillfactor = 70);

comment on table private.strategy_forks is 'How many strategies that exist were forked from each strategy; no row means none.';

revoke all on private.strategy_forks from public, anon, authenticated, service_role;

-- Strategies that were deleted while forks of them existed. The request that deletes does no
-- work for strangers' rows; the sweep sets their forked_from to null in batches.
create table private.deleted_sources (
  strategy_id uuid primary key,
  deleted_at timestamptz not null default now()
);

comment on table private.deleted_sources is 'Deleted strategies whose forks still have to lose the reference.';

revoke all on private.deleted_sources from public, anon, authenticated, service_role;

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

comment on function private.count_new_forks() is 'Trigger function: counts the forks that a statement adds.';

revoke all on function private.count_new_forks from public, anon, authenticated, service_role;

create trigger strategies_count_new_forks
  after insert on public.strategies
  referencing new table as added
  for each statement
  execute function private.count_new_forks();

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

comment on function private.count_removed_forks() is
  'Trigger function: takes deleted forks off their sources'' count, and notes deleted sources that still have forks.';

revoke all on function private.count_removed_forks from public, anon, authenticated, service_role;

create trigger strategies_count_removed_forks
  after delete on public.strategies
  referencing old table as removed
  for each statement
  execute function private.count_removed_forks();

-- Sets forked_from to null in the forks of deleted strategies. A fork that somebody is
-- writing is left for the next call. Neither updated_at nor the history of a fork changes.
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

comment on function private.unlink_deleted_sources(integer) is
  'Takes the reference to deleted strategies from at most so many of their forks; returns how many.';

revoke all on function private.unlink_deleted_sources from public, anon, authenticated, service_role;
