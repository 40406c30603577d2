drop function private.caller_id(boolean, boolean);
drop function private.reader_id();
drop function private.session_is_strong();
drop function public.has_second_factor(uuid);
drop function private.has_second_factor(uuid);
drop function private.session_is_trusted();
drop table private.trusted_oauth_clients;
