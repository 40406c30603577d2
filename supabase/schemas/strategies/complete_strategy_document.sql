-- Returns a strategy document as a reader gets it: with defaults for the parameters that are left out.
create function private.complete_strategy_document(document jsonb)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  if complete_strategy_document.document -> 'components' = '[]' then
    return complete_strategy_document.document;
  end if;

  return (
    select jsonb_set(
      complete_strategy_document.document,
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
    from jsonb_array_elements(complete_strategy_document.document -> 'components') with ordinality as c (component, place)
  );
end;
$$;

revoke all on function private.complete_strategy_document from public, anon, authenticated, service_role;
