-- The parameters of an indicator are described by a JSON Schema. This part of JSON Schema is supported, with its
-- usual meaning:
--
--    {"type": "object", "properties": {…}, "required": […], "additionalProperties": false}
--
-- and in each property `type` (integer, number, boolean, string), `minimum`, `maximum`, `multipleOf`, `enum`,
-- `default`, `title` and `description`. A schema with anything else is refused when it is written: a bound that
-- nothing checks is worse than none. The empty schema {} declares nothing and accepts any object.
--
-- Only four functions interpret schemas: parameter_schema_fault, parameter_value_fault, parameter_defaults and
-- parameters_fault. A fault is a JSON object of facts for an error's hint, such as {"parameter": "length",
-- "maximum": 500}; null means none.
--
-- This one returns what is wrong with a schema itself: {"parameter": …, "keyword": …}, without a parameter where the
-- schema as a whole is wrong.
create function private.parameter_schema_fault(parameter_schema jsonb)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_name text;
  v_property jsonb;
  v_bare jsonb;
  v_keyword text;
  v_value jsonb;
  v_is_number boolean;
  v_is_sound boolean;
begin
  if parameter_schema_fault.parameter_schema = '{}' then
    return null;
  end if;

  for v_keyword, v_value in
    select e.key, e.value
    -- A missing type is null here, and is refused like a wrong type.
    from jsonb_each(
      parameter_schema_fault.parameter_schema
        || jsonb_build_object('type', parameter_schema_fault.parameter_schema -> 'type')
    ) as e
  loop
    v_is_sound := case v_keyword
      when 'type' then v_value = '"object"'
      when 'properties' then jsonb_typeof(v_value) = 'object'
      when 'additionalProperties' then v_value = 'false'
      when 'required' then jsonb_typeof(v_value) = 'array'
      when 'title' then jsonb_typeof(v_value) = 'string'
      when 'description' then jsonb_typeof(v_value) = 'string'
    end;
    if v_is_sound is not true then
      return jsonb_build_object('keyword', v_keyword);
    end if;
  end loop;

  -- Each required parameter must be described, and listed once.
  if exists (
    select
    from jsonb_array_elements(parameter_schema_fault.parameter_schema -> 'required') as r (name)
    group by r.name
    having count(*) > 1
      or jsonb_typeof(r.name) <> 'string'
      or (parameter_schema_fault.parameter_schema -> 'properties' ? (r.name #>> '{}')) is not true
  ) then
    return jsonb_build_object('keyword', 'required');
  end if;

  for v_name, v_property in
    select p.key, p.value
    from jsonb_each(parameter_schema_fault.parameter_schema -> 'properties') as p
  loop
    if coalesce(v_property ->> 'type', '') not in ('integer', 'number', 'boolean', 'string') then
      return jsonb_build_object('parameter', v_name, 'keyword', 'type');
    end if;
    v_is_number := v_property ->> 'type' in ('integer', 'number');
    -- Each option is checked without the list of options, because it is certainly in it.
    v_bare := v_property - 'enum';

    for v_keyword, v_value in
      select k.key, k.value
      from jsonb_each(v_property) as k
    loop
      v_is_sound := case v_keyword
        when 'type' then jsonb_typeof(v_value) = 'string'
        when 'title' then jsonb_typeof(v_value) = 'string'
        when 'description' then jsonb_typeof(v_value) = 'string'
        when 'minimum' then v_is_number and jsonb_typeof(v_value) = 'number'
        when 'maximum' then v_is_number and jsonb_typeof(v_value) = 'number'
        when 'multipleOf' then v_is_number and jsonb_typeof(v_value) = 'number'
        when 'enum' then jsonb_typeof(v_value) = 'array'
        when 'default' then true
      end;
      if v_is_sound is not true then
        return jsonb_build_object('parameter', v_name, 'keyword', v_keyword);
      end if;
    end loop;

    if (v_property ->> 'multipleOf')::numeric <= 0 then
      return jsonb_build_object('parameter', v_name, 'keyword', 'multipleOf');
    elsif (v_property ->> 'minimum')::numeric > (v_property ->> 'maximum')::numeric then
      return jsonb_build_object('parameter', v_name, 'keyword', 'minimum');
    elsif v_property ? 'enum' and (
      v_property -> 'enum' = '[]'
      or exists (
        select
        from jsonb_array_elements(v_property -> 'enum') as o (option)
        group by o.option
        having count(*) > 1
          or private.parameter_value_fault(v_bare, o.option) is not null
      )
    ) then
      return jsonb_build_object('parameter', v_name, 'keyword', 'enum');
    elsif v_property ? 'default'
      and private.parameter_value_fault(v_property, v_property -> 'default') is not null
    then
      return jsonb_build_object('parameter', v_name, 'keyword', 'default');
    end if;
  end loop;

  return null;
end;
$$;

revoke all on function private.parameter_schema_fault from public, anon, authenticated, service_role;
