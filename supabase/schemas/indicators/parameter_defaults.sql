-- The values that a schema gives to what is left out.
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

comment on function private.parameter_defaults(jsonb) is
  'The defaults that a parameter schema declares, as an object.';

revoke all on function private.parameter_defaults from public, anon, authenticated, service_role;
