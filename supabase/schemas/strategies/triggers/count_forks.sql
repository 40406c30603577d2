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
