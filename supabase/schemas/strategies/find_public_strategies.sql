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
