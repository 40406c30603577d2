-- Returns the document of a strategy with the parameters that are stored; null for an unknown strategy.
create function private.strategy_document(strategy_id uuid)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'strategy_id', s.id,
      'name', s.name,
      'description', s.description,
      'market_type', s.market_type,
      'timeframe', s.timeframe,
      'is_public', s.is_public,
      'is_ai_generated', s.is_ai_generated,
      'config', s.config,
      'version_number', s.current_version,
      'created_at', s.created_at,
      'updated_at', s.updated_at,
      'author', (select u.public_name from public.users as u where u.id = s.user_id),
      'forked_from', (select source.id from public.strategies as source where source.id = s.forked_from),
      'components', coalesce(
        (
          select jsonb_agg(
            jsonb_build_object(
              'component_type', c.component_type,
              'position', c.position,
              'is_custom', c.is_custom,
              'indicator_id', case
                when not exists (
                  select
                  from private.deleted_indicators as d
                  where d.indicator_id = c.indicator_id
                ) then c.indicator_id
              end,
              'indicator_name', c.indicator_name,
              'parameters', c.parameters
            )
            order by c.component_type, c.position
          )
          from public.strategy_components as c
          where c.strategy_id = s.id
        ),
        '[]'
      )
    )
    from public.strategies as s
    where s.id = strategy_document.strategy_id
  );
end;
$$;

-- Writes a document back into the row of its strategy, to restore a version. is_public and is_ai_generated are not
-- restored, because they are not content. The components are written by replace_components().
create function private.write_strategy_document(strategy_id uuid, document jsonb)
returns void
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  update public.strategies as s
  set name = d.name,
      description = d.description,
      market_type = d.market_type,
      timeframe = d.timeframe,
      config = d.config
  from jsonb_populate_record(null::public.strategies, write_strategy_document.document) as d
  where s.id = write_strategy_document.strategy_id
    and (s.name, s.description, s.market_type, s.timeframe, s.config)
      is distinct from (d.name, d.description, d.market_type, d.timeframe, d.config);
end;
$$;

revoke all on function private.strategy_document, private.write_strategy_document
  from public, anon, authenticated, service_role;
