-- Rolls back indicators. Destroys the library and every custom indicator. Components that use them keep the names; a
-- later push restores the library, but not the references.

-- The rest is made by `npm run db:diff -- --first`: it drops what the migration made, the last object first.
drop function private.search_query(text);
drop function public.search_indicators(text, text, text, integer, integer);
drop function private.search_indicators(text, text, text, integer, integer);
drop function private.refuse_parameters(jsonb, text);
drop function private.parameters_fault(jsonb, jsonb, jsonb);
drop function private.parameter_value_fault(jsonb, jsonb);
drop function private.parameter_schema_fault(jsonb);
drop function private.parameter_defaults(jsonb);
drop trigger custom_indicators_500_validate_parameters on public.custom_indicators;
drop trigger custom_indicators_100_require_premium on public.custom_indicators;
drop function private.require_premium();
drop table public.custom_indicators;
drop trigger indicators_validate_parameters on public.indicators;
drop function private.check_indicator_parameters();
drop table public.indicators;
drop function private.search_words(text, text, text);
