-- Takes back indicators. Destroys the library and every custom indicator.
drop function public.search_indicators(text, text, text, integer, integer);
drop function private.search_indicators(text, text, text, integer, integer);
drop function private.search_query(text);
drop table public.custom_indicators;
drop function private.limit_custom_indicators();
drop function private.require_premium();
drop table public.indicators;
drop function private.search_words(text, text, text);
drop function private.check_indicator_parameters();
drop function private.refuse_parameters(jsonb, text);
drop function private.parameters_fault(jsonb, jsonb, jsonb);
drop function private.parameter_defaults(jsonb);
drop function private.parameter_schema_fault(jsonb);
drop function private.parameter_value_fault(jsonb, jsonb);
