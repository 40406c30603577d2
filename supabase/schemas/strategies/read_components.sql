-- Reads the components of a document as a client sends them, and returns them with every field filled in. Each field
-- must have the type that the contract names, and an unknown field is refused, because a misspelt one would be lost
-- silently. Positions that are left out are counted within the component type. Raises invalid_argument.
create function private.read_components(components jsonb)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_fields text[] := array['component_type', 'position', 'is_custom', 'indicator_id', 'indicator_name', 'parameters'];
  v_index bigint;
  v_component jsonb;
  v_field text;
  v_types text[];
  v_read jsonb;
begin
  if jsonb_typeof(read_components.components) <> 'array' then
    perform private.raise_error(
      'invalid_argument', 'components must be an array.', '{"argument": "components", "type": "array"}'
    );
  end if;

  -- Parameters that take too much memory are refused unread: looking at each of their numbers costs the most.
  select e.place - 1
  into v_index
  from jsonb_array_elements(read_components.components) with ordinality as e (component, place)
  where pg_catalog.pg_column_size(e.component -> 'parameters') > 4 * 8192 + 64
  limit 1;

  if v_index is not null then
    perform private.raise_error(
      'invalid_argument', format('Correct "parameters" of component %s.', v_index),
      jsonb_build_object('argument', 'components', 'index', v_index, 'field', 'parameters')
    );
  end if;
  perform private.check_json(read_components.components, 131072, 'components');

  if jsonb_array_length(read_components.components) > 64 then
    perform private.raise_error(
      'invalid_argument', 'A strategy has at most 64 components.', '{"argument": "components", "maximum": 64}'
    );
  end if;

  v_types := private.allowed_values('strategy_components_component_type_known');
  for v_component, v_index in
    select e.component, e.place - 1
    from jsonb_array_elements(read_components.components) with ordinality as e (component, place)
  loop
    if jsonb_typeof(v_component) <> 'object' then
      perform private.raise_error(
        'invalid_argument', format('Component %s must be an object.', v_index),
        jsonb_build_object('argument', 'components', 'index', v_index)
      );
    end if;

    v_field := case
      when coalesce(v_component ->> 'component_type', '') <> all (v_types)
        then 'component_type'
      when jsonb_typeof(v_component -> 'position') not in ('number', 'null')
        or v_component ->> 'position' !~ '^\d{1,9}$'
        then 'position'
      when jsonb_typeof(v_component -> 'is_custom') not in ('boolean', 'null')
        then 'is_custom'
      when jsonb_typeof(v_component -> 'indicator_id') not in ('string', 'null')
        or v_component ->> 'indicator_id' !~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'
        then 'indicator_id'
      when jsonb_typeof(v_component -> 'indicator_name') not in ('string', 'null')
        or char_length(v_component ->> 'indicator_name') > 200
        then 'indicator_name'
      when jsonb_typeof(v_component -> 'parameters') not in ('object', 'null')
        or octet_length(v_component ->> 'parameters') > 8192
        then 'parameters'
      else (select k.name from jsonb_object_keys(v_component) as k (name) where k.name <> all (v_fields) limit 1)
    end;
    if v_field is not null then
      perform private.raise_error(
        'invalid_argument', format('Correct "%s" of component %s.', v_field, v_index),
        jsonb_build_object('argument', 'components', 'index', v_index, 'field', v_field)
      );
    end if;
  end loop;

  select jsonb_agg(
    jsonb_build_object(
      'component_type', n.component_type,
      'position', n.position,
      'is_custom', coalesce((n.component ->> 'is_custom')::boolean, false),
      'indicator_id', n.component -> 'indicator_id',
      'indicator_name', n.component -> 'indicator_name',
      'parameters', coalesce(nullif(n.component -> 'parameters', 'null'), '{}')
    )
    order by n.place
  )
  into v_read
  from (
    select
      e.component,
      e.place,
      e.component ->> 'component_type' as component_type,
      coalesce(
        (e.component ->> 'position')::integer,
        row_number() over (partition by e.component ->> 'component_type' order by e.place) - 1
      ) as position
    from jsonb_array_elements(read_components.components) with ordinality as e (component, place)
  ) as n;

  select min(c.component ->> 'component_type'), min((c.component ->> 'position')::bigint)
  into v_field, v_index
  from jsonb_array_elements(v_read) as c (component)
  group by c.component -> 'component_type', c.component -> 'position'
  having count(*) > 1
  limit 1;

  if v_field is not null then
    perform private.raise_error(
      'invalid_argument', format('Give position %s of type %s to one component only.', v_index, v_field),
      jsonb_build_object('argument', 'components', 'component_type', v_field, 'position', v_index)
    );
  end if;
  return coalesce(v_read, '[]');
end;
$$;

revoke all on function private.read_components from public, anon, authenticated, service_role;
