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
