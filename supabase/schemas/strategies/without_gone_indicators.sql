-- An older document as it would read now: without the ids of indicators that are gone
-- since, because their going is no change of the strategy.
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

comment on function private.without_gone_indicators(jsonb) is
  'A strategy document with null for the ids of indicators that exist no longer.';

revoke all on function private.without_gone_indicators from public, anon, authenticated, service_role;
