-- Takes back the public page. Its rows are made from the strategies, so nothing is lost.
drop function private.find_public_strategies(tsquery, text, text, timestamptz, uuid, integer);
drop trigger strategies_follow_changed on public.strategies;
drop trigger strategies_follow_published on public.strategies;
drop function private.follow_public_strategy();
drop table private.public_strategies;
