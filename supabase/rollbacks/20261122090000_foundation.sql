-- Takes back foundation. pgcrypto and the schema `extensions` stay: they are the
-- platform's, and others may use them.
drop function private.check_json(jsonb, integer, text, text);
drop function private.json_fault(jsonb, integer);
drop function private.refuse_unless_gone_or_archived();
drop function private.set_updated_at();
drop function private.error_result(text, text, jsonb);
drop function private.raise_error(text, text, jsonb);
drop table private.error_codes;
drop schema private;
