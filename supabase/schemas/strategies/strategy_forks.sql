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
