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
