-- Returns the values of parameters that a component leaves out: the indicator's own defaults, then those of its
-- schema. Empty where the reader may not see the indicator.
create function private.component_defaults(is_custom boolean, indicator_id uuid, reader_id uuid)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_defaults jsonb;
begin
  if component_defaults.is_custom then
    select private.parameter_defaults(i.parameters)
    into v_defaults
    from public.custom_indicators as i
    where i.id = component_defaults.indicator_id
      and (i.is_public or i.user_id = component_defaults.reader_id);
  else
    select private.parameter_defaults(i.parameters) || i.defaults
    into v_defaults
    from public.indicators as i
    where i.id = component_defaults.indicator_id
      and (i.is_public or i.created_by = component_defaults.reader_id);
  end if;
  return coalesce(v_defaults, '{}');
end;
$$;

revoke all on function private.component_defaults from public, anon, authenticated, service_role;
