-- Takes back the providers of language models, with every row that the operator added.
drop function public.mark_api_key(uuid, text, timestamptz, boolean);
drop function private.mark_api_key(uuid, text, timestamptz, boolean);
drop function public.open_llm_call(uuid, text, text, boolean, boolean);
drop function private.open_llm_call(uuid, text, text, boolean, boolean);
drop function public.store_checked_api_key(uuid, text, text, boolean, text);
drop function private.store_checked_api_key(uuid, text, text, boolean, text);
drop function public.begin_api_key_check(uuid, text, boolean);
drop function private.begin_api_key_check(uuid, text, boolean);
drop function private.second_factor_required();
drop function private.unknown_llm_provider();
drop function private.llm_provider(text);
drop function public.list_llm_providers();
drop function private.list_llm_providers();
drop table private.llm_providers;
