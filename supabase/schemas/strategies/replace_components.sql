-- Makes a strategy's components those of a document, by the smallest change. A component that is in the strategy
-- already is not written, so it is not checked again either, and stays even if its indicator has been hidden since.
-- Parameters that differ only by defaults, as get_strategy() returns them, count as equal.
create function private.replace_components(strategy_id uuid, owner_id uuid, components jsonb)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  delete from public.strategy_components as c
  where c.strategy_id = replace_components.strategy_id
    and not exists (
      select
      from jsonb_to_recordset(replace_components.components) as n (component_type text, position integer)
      where n.component_type = c.component_type
        and n.position = c.position
    );

  update public.strategy_components as c
  set is_custom = n.is_custom,
      indicator_id = n.indicator_id,
      indicator_name = case when n.indicator_id is null then n.indicator_name else c.indicator_name end,
      parameters = n.parameters
  from jsonb_to_recordset(replace_components.components) as n (
    component_type text, position integer, is_custom boolean, indicator_id uuid, indicator_name text, parameters jsonb
  )
  where c.strategy_id = replace_components.strategy_id
    and c.component_type = n.component_type
    and c.position = n.position
    and (
      (c.is_custom, c.indicator_id) is distinct from (n.is_custom, n.indicator_id)
      or (n.indicator_id is null and c.indicator_name is distinct from n.indicator_name)
      or (
        c.parameters <> n.parameters
        and private.component_defaults(c.is_custom, c.indicator_id, c.user_id) || c.parameters <> n.parameters
      )
    );

  insert into public.strategy_components
    (strategy_id, user_id, component_type, position, is_custom, indicator_id, indicator_name, parameters)
  select
    replace_components.strategy_id, replace_components.owner_id,
    n.component_type, n.position, n.is_custom, n.indicator_id, n.indicator_name, n.parameters
  from jsonb_to_recordset(replace_components.components) as n (
    component_type text, position integer, is_custom boolean, indicator_id uuid, indicator_name text, parameters jsonb
  )
  where not exists (
    select
    from public.strategy_components as c
    where c.strategy_id = replace_components.strategy_id
      and c.component_type = n.component_type
      and c.position = n.position
  );
end;
$$;

revoke all on function private.replace_components from public, anon, authenticated, service_role;
