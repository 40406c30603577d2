-- Takes back strategies. Destroys every strategy and its components.
drop function private.unlink_deleted_indicators(integer);
drop trigger custom_indicators_note_deleted on public.custom_indicators;
drop trigger indicators_note_deleted on public.indicators;
drop function private.note_deleted_indicator();
drop table public.strategy_components;
drop function private.after_components_changed();
drop function private.check_component();
drop table private.deleted_indicators;
drop function private.set_component_owner();
drop table public.strategies;
drop function private.check_config();
drop function private.limit_strategies();
