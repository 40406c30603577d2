-- Returns the text as a uuid; null where it is none. Metadata can hold any text, and a cast that fails would make
-- the event fail at every retry.
create function private.uuid_or_null(value text)
returns uuid
language sql
immutable
security invoker
set search_path = ''
return case
  when uuid_or_null.value ~ '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$'
    then uuid_or_null.value::uuid
end;

revoke all on function private.uuid_or_null from public, anon, authenticated, service_role;
