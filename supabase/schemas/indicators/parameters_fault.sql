-- Returns which bound a set of parameters breaks in a schema, as {parameter, keyword: bound}; null for none. Both an
-- indicator's defaults and a component's parameters are checked here. `fallbacks` holds values for parameters that
-- are left out, in addition to the schema's own defaults. Null means that no parameter is required, because an
-- indicator's defaults may leave a required parameter to the user.
create function private.parameters_fault(parameter_schema jsonb, parameters jsonb, fallbacks jsonb)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_name text;
  v_value jsonb;
  v_property jsonb;
  v_fault jsonb;
begin
  for v_name, v_value in
    select p.key, p.value
    from jsonb_each(parameters_fault.parameters) as p
  loop
    v_property := parameters_fault.parameter_schema -> 'properties' -> v_name;
    if v_property is not null then
      v_fault := private.parameter_value_fault(v_property, v_value);
    elsif parameters_fault.parameter_schema ? 'additionalProperties' then
      v_fault := '{"additionalProperties": false}';
    end if;
    if v_fault is not null then
      return jsonb_build_object('parameter', v_name) || v_fault;
    end if;
  end loop;

  select r.name
  into v_name
  from jsonb_array_elements_text(parameters_fault.parameter_schema -> 'required') as r (name)
  where not parameters_fault.parameters ? r.name
    and not parameters_fault.fallbacks ? r.name
    and not parameters_fault.parameter_schema -> 'properties' -> r.name ? 'default'
  limit 1;

  if v_name is not null then
    return jsonb_build_object('parameter', v_name, 'required', true);
  end if;
  return null;
end;
$$;

revoke all on function private.parameters_fault from public, anon, authenticated, service_role;
