-- Returns the defaults that a parameter schema declares, as an object.
create function private.parameter_defaults(parameter_schema jsonb)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return coalesce(
    (
      select jsonb_object_agg(p.key, p.value -> 'default')
      from jsonb_each(parameter_defaults.parameter_schema -> 'properties') as p
      where p.value ? 'default'
    ),
    '{}'
  );
end;
$$;

revoke all on function private.parameter_defaults from public, anon, authenticated, service_role;
