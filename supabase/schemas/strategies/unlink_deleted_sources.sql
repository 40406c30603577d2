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
