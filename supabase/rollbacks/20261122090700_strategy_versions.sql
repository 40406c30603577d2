-- Takes back strategy versions. Destroys every history; the strategies stay as they are.
drop trigger strategy_components_note_leaving on public.strategy_components;
drop function private.note_component_leaves();
drop trigger strategy_components_deleted_note_change on public.strategy_components;
drop trigger strategy_components_updated_note_change on public.strategy_components;
drop trigger strategy_components_inserted_note_change on public.strategy_components;
drop function private.note_component_changes();
drop trigger strategies_note_change on public.strategies;
drop trigger strategies_note_new on public.strategies;
drop function private.note_strategy_change();
drop function private.mark_strategies(uuid[]);
drop function private.settle_strategy(uuid, text);
drop function private.without_gone_indicators(jsonb);
drop function private.strategy_document(uuid);
drop table private.strategy_histories;
drop function private.settle_at_commit();
drop table public.strategy_versions;
drop function private.keep_strategy_version();
update public.strategies
set current_version = 0;
