-- Creates or updates a strategy of the caller with its components, all or nothing.
create function private.save_strategy(
  name text default null,
  config jsonb default null,
  components jsonb default null,
  strategy_id uuid default null,
  description text default null,
  market_type text default null,
  timeframe text default null,
  is_public boolean default null,
  is_ai_generated boolean default null,
  notes text default null,
  expected_version integer default null
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.caller_account();
  v_strategy_id uuid := save_strategy.strategy_id;
  v_current_version integer := 0;
  v_is_ai_generated boolean;
  v_config jsonb := nullif(save_strategy.config, 'null');
  v_components jsonb := private.read_components(nullif(save_strategy.components, 'null'));
  v_replaces_components boolean := nullif(save_strategy.components, 'null') is not null;
  v_constraint text;
begin
  if v_strategy_id is not null then
    select l.current_version, l.is_ai_generated
    into v_current_version, v_is_ai_generated
    from private.lock_strategy(v_strategy_id, v_user_id, v_replaces_components) as l;
  elsif save_strategy.name is null then
    perform private.raise_error(
      'invalid_argument', 'Give the new strategy a name.', '{"argument": "name"}'
    );
  elsif v_config is null then
    perform private.raise_error(
      'invalid_argument', 'Give the new strategy a config, if only {}.', '{"argument": "config"}'
    );
  end if;

  if save_strategy.expected_version <> v_current_version then
    perform private.raise_error(
      'version_conflict',
      'The strategy has changed meanwhile: read it again and make the change on the newest version.',
      jsonb_build_object(
        'expected_version', save_strategy.expected_version,
        'current_version', v_current_version
      )
    );
  elsif save_strategy.is_ai_generated <> v_is_ai_generated then
    perform private.raise_error(
      'invalid_argument', 'is_ai_generated can only be set when a strategy is created.',
      '{"argument": "is_ai_generated"}'
    );
  end if;

  -- Written by several statements: write_version() writes one version at the end, and the triggers write none.
  perform set_config('pinebase.strategy_writer', 'save', true);

  if v_strategy_id is null then
    insert into public.strategies as s
      (user_id, name, description, market_type, timeframe, is_public, is_ai_generated, config)
    values (
      v_user_id,
      save_strategy.name,
      nullif(save_strategy.description, ''),
      save_strategy.market_type,
      save_strategy.timeframe,
      coalesce(save_strategy.is_public, false),
      coalesce(save_strategy.is_ai_generated, false),
      v_config
    )
    returning s.id into v_strategy_id;
  else
    update public.strategies as s
    set name = coalesce(save_strategy.name, s.name),
        description = case
          when save_strategy.description is null then s.description
          else nullif(save_strategy.description, '')
        end,
        market_type = coalesce(save_strategy.market_type, s.market_type),
        timeframe = coalesce(save_strategy.timeframe, s.timeframe),
        is_public = coalesce(save_strategy.is_public, s.is_public),
        config = coalesce(v_config, s.config)
    where s.id = v_strategy_id
      -- A save that changes only components does not write the strategy's row a second time.
      and (
        s.name <> save_strategy.name
        or s.description is distinct from nullif(coalesce(save_strategy.description, s.description), '')
        or s.market_type is distinct from coalesce(save_strategy.market_type, s.market_type)
        or s.timeframe is distinct from coalesce(save_strategy.timeframe, s.timeframe)
        or s.is_public <> save_strategy.is_public
        or s.config <> v_config
      );
  end if;

  if v_replaces_components then
    perform private.replace_components(
      v_strategy_id,
      v_user_id,
      private.resolve_component_names(v_strategy_id, v_user_id, v_components)
    );
  end if;

  return private.complete_strategy_document(private.write_version(v_strategy_id, save_strategy.notes));
exception
  when check_violation then
    get stacked diagnostics v_constraint = constraint_name;
    perform private.refuse_argument(v_constraint);
    raise;
end;
$$;

create function public.save_strategy(
  name text default null,
  config jsonb default null,
  components jsonb default null,
  strategy_id uuid default null,
  description text default null,
  market_type text default null,
  timeframe text default null,
  is_public boolean default null,
  is_ai_generated boolean default null,
  notes text default null,
  expected_version integer default null
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.save_strategy(
    name, config, components, strategy_id, description, market_type, timeframe, is_public, is_ai_generated, notes,
    expected_version
  );
end;

comment on function public.save_strategy(text, jsonb, jsonb, uuid, text, text, text, boolean, boolean, text, integer) is
  'Creates a strategy, or updates the one of strategy_id, and answers its document. What is omitted stays as it is.';

revoke all on function private.save_strategy, public.save_strategy from public, anon, authenticated, service_role;
grant execute on function private.save_strategy, public.save_strategy to authenticated;
