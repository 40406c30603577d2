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
