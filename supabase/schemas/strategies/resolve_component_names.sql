-- Gives a component that is saved by indicator_name alone the id of the library's indicator of that name, or with
-- is_custom that of the owner's own indicator. A component that the strategy already has in this place under this
-- name, because its indicator was deleted, stays as it is. Raises indicator_not_found.
create function private.resolve_component_names(strategy_id uuid, owner_id uuid, components jsonb)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_components jsonb := resolve_component_names.components;
  v_named record;
  v_id uuid;
  v_type text;
begin
  for v_named in
    select e.place - 1 as index, n.component_type, n.position, n.is_custom, n.indicator_name
    from jsonb_array_elements(v_components) with ordinality as e (component, place)
    cross join lateral jsonb_to_record(e.component) as n (
      component_type text, position integer, is_custom boolean, indicator_id uuid, indicator_name text
    )
    where n.indicator_id is null
      and n.indicator_name is not null
      and not exists (
        select
        from public.strategy_components as c
        where c.strategy_id = resolve_component_names.strategy_id
          and c.component_type = n.component_type
          and c.position = n.position
          and c.indicator_name = n.indicator_name
          and (
            c.indicator_id is null
            or exists (select from private.deleted_indicators as d where d.indicator_id = c.indicator_id)
          )
      )
  loop
    if v_named.is_custom then
      select i.id, i.type
      into v_id, v_type
      from public.custom_indicators as i
      where i.user_id = resolve_component_names.owner_id
        and lower(i.name) = lower(btrim(v_named.indicator_name));
    else
      select i.id, i.type
      into v_id, v_type
      from public.indicators as i
      where lower(i.name) = lower(btrim(v_named.indicator_name))
        and (i.is_public or i.created_by = resolve_component_names.owner_id);
    end if;

    if v_id is null then
      perform private.raise_error(
        'indicator_not_found',
        format('No indicator is called "%s": choose one by its indicator_id.', v_named.indicator_name),
        jsonb_build_object(
          'argument', 'components', 'index', v_named.index, 'field', 'indicator_name',
          'indicator_name', v_named.indicator_name, 'is_custom', v_named.is_custom
        )
      );
    elsif v_type <> v_named.component_type then
      perform private.raise_error(
        'invalid_argument',
        format('"%s" is an indicator of type %s: use it in a component of that type.', v_named.indicator_name, v_type),
        jsonb_build_object(
          'argument', 'components', 'index', v_named.index, 'field', 'component_type', 'expected', v_type
        )
      );
    end if;

    v_components := jsonb_set(
      v_components, array[v_named.index::text, 'indicator_id'], to_jsonb(v_id)
    );
  end loop;
  return v_components;
end;
$$;

revoke all on function private.resolve_component_names from public, anon, authenticated, service_role;
