-- Takes back api keys. Destroys every stored key and the audit trail with its archive.
drop function private.archive_key_events(uuid, timestamptz, integer);
drop table private.archived_key_events;
drop table public.api_key_events;
drop table public.api_keys;
