-- The document as a reader gets it, with every parameter that counts.
create function private.complete_strategy_document(strategy_id uuid)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_document jsonb := private.strategy_document(complete_strategy_document.strategy_id);
begin
  if v_document -> 'components' = '[]' then
    return v_document;
  end if;

  return (
    select jsonb_set(
      v_document,
      '{components}',
      jsonb_agg(
        jsonb_set(
          c.component,
          '{parameters}',
          private.component_defaults(
            (c.component ->> 'is_custom')::boolean,
            (c.component ->> 'indicator_id')::uuid,
            private.reader_id()
          ) || (c.component -> 'parameters')
        )
        order by c.place
      )
    )
    from jsonb_array_elements(v_document -> 'components') with ordinality as c (component, place)
  );
end;
$$;

comment on function private.complete_strategy_document(uuid) is
  'The whole document of a strategy, with defaults for the parameters that are left out.';

revoke all on function private.complete_strategy_document from public, anon, authenticated, service_role;
