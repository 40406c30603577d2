-- Returns an older document without the ids of indicators that have been deleted since, because the deletion of an
-- indicator is not a change of the strategy.
create function private.without_gone_indicators(document jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
begin atomic
  select jsonb_set(
    without_gone_indicators.document,
    '{components}',
    coalesce(
      jsonb_agg(
        case
          when exists (
            select
            from public.indicators as i
            where i.id = (c.component ->> 'indicator_id')::uuid
              and c.component -> 'is_custom' = 'false'
          ) or exists (
            select
            from public.custom_indicators as i
            where i.id = (c.component ->> 'indicator_id')::uuid
              and c.component -> 'is_custom' = 'true'
          ) then c.component
          else c.component || '{"indicator_id": null}'
        end
        order by c.place
      ),
      '[]'
    )
  )
  from jsonb_array_elements(without_gone_indicators.document -> 'components') with ordinality as c (component, place);
end;

revoke all on function private.without_gone_indicators from public, anon, authenticated, service_role;
