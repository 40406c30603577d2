-- Takes back api keys. Destroys every stored key and the audit trail.
drop table public.api_key_events;
drop table public.api_keys;
