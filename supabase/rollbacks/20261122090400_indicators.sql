-- Takes back indicators. Destroys the library and every custom indicator.
drop table public.custom_indicators;
drop function private.require_premium();
drop table public.indicators;
