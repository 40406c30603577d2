-- Takes back the counts of forks. The references in strategies.forked_from stay.
drop function private.unlink_deleted_sources(integer);
drop trigger strategies_count_removed_forks on public.strategies;
drop function private.count_removed_forks();
drop trigger strategies_count_new_forks on public.strategies;
drop function private.count_new_forks();
drop table private.deleted_sources;
drop table private.strategy_forks;
