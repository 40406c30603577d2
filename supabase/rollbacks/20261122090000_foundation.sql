-- Rolls back foundation. pgcrypto and the schema `extensions` stay, because they belong to the platform and others may
-- use them.

-- The rest is made by `npm run db:diff -- --first`: it drops what the migration made, the last object first.
drop table private.trusted_oauth_clients;
drop function private.set_updated_at();
drop function private.session_is_trusted();
drop function private.session_is_strong();
drop function private.refuse_unless_gone_or_archived();
drop function private.check_argument(text, text);
drop function private.refuse_argument(text);
drop function private.allowed_values(text);
drop function private.reader_id();
drop function private.raise_error(text, text, jsonb);
drop function private.json_fault(jsonb, integer);
drop function public.has_second_factor(uuid);
drop function private.has_second_factor(uuid);
drop function private.error_result(text, text, jsonb);
drop function private.check_json(jsonb, integer, text, text);
drop function private.caller_id(boolean, boolean);
drop table private.error_codes;
drop schema private;
