-- Takes back strategies. Destroys every strategy and its components.
drop trigger custom_indicators_unlink_components on public.custom_indicators;
drop trigger indicators_unlink_components on public.indicators;
drop function private.unlink_indicator();
drop table public.strategy_components;
drop function private.after_components_changed();
drop function private.check_component();
drop function private.set_component_owner();
drop table public.strategies;
drop function private.limit_strategies();
