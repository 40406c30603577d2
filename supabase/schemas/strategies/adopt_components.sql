-- Returns components of a version or of another strategy, changed so that this strategy can hold them: the reference
-- is removed where the indicator is deleted, hidden from the owner, or has another parameter schema by now. The name
-- stays, and no component makes a restore or a fork fail. The indicators that remain are locked against deletion
-- until the transaction ends; one that is being deleted counts as deleted, for the reason given at
-- check_component().
create function private.adopt_components(strategy_id uuid, owner_id uuid, components jsonb)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_adopted jsonb := '[]';
  v_component jsonb;
  v_id uuid;
  v_is_custom boolean;
  v_schema jsonb;
  v_defaults jsonb;
begin
  for v_component in
    select e.component
    from jsonb_array_elements(adopt_components.components) as e (component)
  loop
    v_id := (v_component ->> 'indicator_id')::uuid;
    v_is_custom := (v_component -> 'is_custom')::boolean;
    v_schema := null;

    if v_id is not null and v_is_custom then
      select i.parameters, jsonb '{}'
      into v_schema, v_defaults
      from public.custom_indicators as i
      where i.id = v_id
        and (i.is_public or i.user_id = adopt_components.owner_id)
      for key share skip locked;
    elsif v_id is not null then
      select i.parameters, i.defaults
      into v_schema, v_defaults
      from public.indicators as i
      where i.id = v_id
        and (i.is_public or i.created_by = adopt_components.owner_id)
      for key share skip locked;
    end if;

    if (v_schema is null or private.parameters_fault(v_schema, v_component -> 'parameters', v_defaults) is not null)
      -- A component that the strategy already has at this position may stay.
      and not exists (
        select
        from public.strategy_components as c
        where c.strategy_id = adopt_components.strategy_id
          and not exists (select from private.deleted_indicators as d where d.indicator_id = v_id)
          and c.component_type = v_component ->> 'component_type'
          and c.position = (v_component ->> 'position')::integer
          and c.indicator_id = v_id
          and c.is_custom = v_is_custom
          and c.parameters = v_component -> 'parameters'
      )
    then
      v_component := v_component || jsonb '{"indicator_id": null}';
    end if;
    v_adopted := v_adopted || v_component;
  end loop;
  return v_adopted;
end;
$$;

revoke all on function private.adopt_components from public, anon, authenticated, service_role;
