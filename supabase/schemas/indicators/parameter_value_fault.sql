-- Returns which bound a value breaks in the schema of its parameter, as {keyword: bound}; null for none.
create function private.parameter_value_fault(property jsonb, value jsonb)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_type text := parameter_value_fault.property ->> 'type';
  v_number numeric;
begin
  if jsonb_typeof(parameter_value_fault.value) <> (case v_type when 'integer' then 'number' else v_type end) then
    return jsonb_build_object('type', v_type);
  end if;

  if v_type in ('integer', 'number') then
    v_number := parameter_value_fault.value::numeric;
    -- 14.0 is an integer, as in JSON Schema.
    if v_type = 'integer' and v_number <> trunc(v_number) then
      return jsonb_build_object('type', v_type);
    elsif v_number < (parameter_value_fault.property ->> 'minimum')::numeric then
      return jsonb_build_object('minimum', parameter_value_fault.property -> 'minimum');
    elsif v_number > (parameter_value_fault.property ->> 'maximum')::numeric then
      return jsonb_build_object('maximum', parameter_value_fault.property -> 'maximum');
    elsif mod(v_number, (parameter_value_fault.property ->> 'multipleOf')::numeric) <> 0 then
      return jsonb_build_object('multipleOf', parameter_value_fault.property -> 'multipleOf');
    end if;
  end if;

  if parameter_value_fault.property ? 'enum'
    and not parameter_value_fault.property -> 'enum' @> jsonb_build_array(parameter_value_fault.value)
  then
    return jsonb_build_object('enum', parameter_value_fault.property -> 'enum');
  end if;
  return null;
end;
$$;

revoke all on function private.parameter_value_fault from public, anon, authenticated, service_role;
