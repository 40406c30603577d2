-- Strategy documents: a strategy with its components, read and written as one.

-- Who is asking, as an account, which is locked until the transaction ends: whatever the caller writes comes after
-- it in the order of locks. Signing in without an email gives a session and no account.
create function private.caller_account()
returns uuid
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.caller_id();
begin
  perform from public.users as u where u.id = v_user_id for no key update;
  if not found then
    perform private.ensure_account(v_user_id);
    perform from public.users as u where u.id = v_user_id for no key update;
    if not found then
      perform private.raise_error('email_required', 'Add an email to your account first.');
    end if;
  end if;
  return v_user_id;
end;
$$;

comment on function private.caller_account() is
  'Locks the signed-in user''s account and gives its id; raises what caller_id() raises, or email_required.';

revoke all on function private.caller_account from public, anon, authenticated, service_role;

-- Refuses what the tables' checks would refuse, with the name of the argument.
create function private.check_strategy_arguments(
  name text,
  description text,
  market_type text,
  timeframe text,
  config jsonb,
  notes text
)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if char_length(check_strategy_arguments.name) > 200 or check_strategy_arguments.name !~ '\S' then
    perform private.raise_error(
      'invalid_argument', 'Give the strategy a name of 1 to 200 characters.', '{"argument": "name", "maximum": 200}'
    );
  elsif char_length(check_strategy_arguments.description) > 4000 then
    perform private.raise_error(
      'invalid_argument', 'Shorten the description to 4000 characters.', '{"argument": "description", "maximum": 4000}'
    );
  elsif check_strategy_arguments.market_type not in ('futures', 'stocks', 'crypto', 'forex') then
    perform private.raise_error(
      'invalid_argument', 'Let market_type be futures, stocks, crypto or forex.',
      '{"argument": "market_type", "enum": ["futures", "stocks", "crypto", "forex"]}'
    );
  elsif check_strategy_arguments.timeframe not in ('1m', '5m', '15m', '1h', '4h', '1d') then
    perform private.raise_error(
      'invalid_argument', 'Let timeframe be 1m, 5m, 15m, 1h, 4h or 1d.',
      '{"argument": "timeframe", "enum": ["1m", "5m", "15m", "1h", "4h", "1d"]}'
    );
  elsif jsonb_typeof(check_strategy_arguments.config) <> 'object' then
    perform private.raise_error(
      'invalid_argument', 'Let config be a JSON object.', '{"argument": "config", "type": "object"}'
    );
  elsif char_length(check_strategy_arguments.notes) > 4000 then
    perform private.raise_error(
      'invalid_argument', 'Shorten the notes to 4000 characters.', '{"argument": "notes", "maximum": 4000}'
    );
  end if;
  perform private.check_json(check_strategy_arguments.config, 65536, 'config');
end;
$$;

comment on function private.check_strategy_arguments(text, text, text, text, jsonb, text) is
  'Raises invalid_argument for what a strategy or a version cannot hold; null is left alone.';

revoke all on function private.check_strategy_arguments from public, anon, authenticated, service_role;

-- What fills in for parameters that a component leaves out: the schema's defaults, and the
-- indicator's own before them. Nothing where the reader may not see the indicator.
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

comment on function private.component_defaults(boolean, uuid, uuid) is
  'The defaults of an indicator''s parameters, as far as this user may see the indicator.';

revoke all on function private.component_defaults from public, anon, authenticated, service_role;

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

-- Reads the components of a document as a client sends them: each field of the type it has
-- in the contract, no other field (a misspelt one would be lost in silence), positions
-- counted within the type where they are left out.
create function private.read_components(components jsonb)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_fields text[] := array['component_type', 'position', 'is_custom', 'indicator_id', 'indicator_name', 'parameters'];
  v_index bigint;
  v_component jsonb;
  v_field text;
  v_read jsonb;
begin
  if jsonb_typeof(read_components.components) <> 'array' then
    perform private.raise_error(
      'invalid_argument', 'Let components be an array.', '{"argument": "components", "type": "array"}'
    );
  end if;

  -- Parameters that take too much memory are refused unread: looking at each of their numbers costs the most.
  select e.place - 1
  into v_index
  from jsonb_array_elements(read_components.components) with ordinality as e (component, place)
  where pg_catalog.pg_column_size(e.component -> 'parameters') > 4 * 8192 + 64
  limit 1;

  if v_index is not null then
    perform private.raise_error(
      'invalid_argument', format('Correct "parameters" of component %s.', v_index),
      jsonb_build_object('argument', 'components', 'index', v_index, 'field', 'parameters')
    );
  end if;
  perform private.check_json(read_components.components, 131072, 'components');

  if jsonb_array_length(read_components.components) > 64 then
    perform private.raise_error(
      'invalid_argument', 'A strategy has at most 64 components.', '{"argument": "components", "maximum": 64}'
    );
  end if;

  for v_component, v_index in
    select e.component, e.place - 1
    from jsonb_array_elements(read_components.components) with ordinality as e (component, place)
  loop
    if jsonb_typeof(v_component) <> 'object' then
      perform private.raise_error(
        'invalid_argument', format('Let component %s be an object.', v_index),
        jsonb_build_object('argument', 'components', 'index', v_index)
      );
    end if;

    v_field := case
      when coalesce(v_component ->> 'component_type', '') not in ('trend', 'entry', 'exit', 'stop_loss')
        then 'component_type'
      when jsonb_typeof(v_component -> 'position') not in ('number', 'null')
        or v_component ->> 'position' !~ '^\d{1,9}$'
        then 'position'
      when jsonb_typeof(v_component -> 'is_custom') not in ('boolean', 'null')
        then 'is_custom'
      when jsonb_typeof(v_component -> 'indicator_id') not in ('string', 'null')
        or v_component ->> 'indicator_id' !~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'
        then 'indicator_id'
      when jsonb_typeof(v_component -> 'indicator_name') not in ('string', 'null')
        or char_length(v_component ->> 'indicator_name') > 200
        then 'indicator_name'
      when jsonb_typeof(v_component -> 'parameters') not in ('object', 'null')
        or octet_length(v_component ->> 'parameters') > 8192
        then 'parameters'
      else (select k.name from jsonb_object_keys(v_component) as k (name) where k.name <> all (v_fields) limit 1)
    end;
    if v_field is not null then
      perform private.raise_error(
        'invalid_argument', format('Correct "%s" of component %s.', v_field, v_index),
        jsonb_build_object('argument', 'components', 'index', v_index, 'field', v_field)
      );
    end if;
  end loop;

  select jsonb_agg(
    jsonb_build_object(
      'component_type', n.component_type,
      'position', n.position,
      'is_custom', coalesce((n.component ->> 'is_custom')::boolean, false),
      'indicator_id', n.component -> 'indicator_id',
      'indicator_name', n.component -> 'indicator_name',
      'parameters', coalesce(nullif(n.component -> 'parameters', 'null'), '{}')
    )
    order by n.place
  )
  into v_read
  from (
    select
      e.component,
      e.place,
      e.component ->> 'component_type' as component_type,
      coalesce(
        (e.component ->> 'position')::integer,
        row_number() over (partition by e.component ->> 'component_type' order by e.place) - 1
      ) as position
    from jsonb_array_elements(read_components.components) with ordinality as e (component, place)
  ) as n;

  select min(c.component ->> 'component_type'), min((c.component ->> 'position')::bigint)
  into v_field, v_index
  from jsonb_array_elements(v_read) as c (component)
  group by c.component -> 'component_type', c.component -> 'position'
  having count(*) > 1
  limit 1;

  if v_field is not null then
    perform private.raise_error(
      'invalid_argument', format('Give position %s of type %s to one component only.', v_index, v_field),
      jsonb_build_object('argument', 'components', 'component_type', v_field, 'position', v_index)
    );
  end if;
  return coalesce(v_read, '[]');
end;
$$;

comment on function private.read_components(jsonb) is
  'The components of a document with every field filled, in the order given; raises invalid_argument.';

revoke all on function private.read_components from public, anon, authenticated, service_role;

-- Gives a component that is saved by indicator_name alone the id of the library's indicator
-- of that name; with is_custom, of the owner's own. One that the strategy already holds in
-- this place under this name, because its indicator was deleted, stays as it is.
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

comment on function private.resolve_component_names(uuid, uuid, jsonb) is
  'The components of a document with the ids of indicators that were given by name; raises indicator_not_found.';

revoke all on function private.resolve_component_names from public, anon, authenticated, service_role;

-- Makes a strategy's components those of a document, by the smallest change: what is there
-- already is not touched, so it is not checked again either, and an indicator that has been
-- hidden since stays where it was. Parameters that differ only by defaults, as a client has
-- them from get_strategy(), are no difference.
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

comment on function private.replace_components(uuid, uuid, jsonb) is
  'Makes the components of a strategy those of a document, touching only what differs.';

revoke all on function private.replace_components from public, anon, authenticated, service_role;

-- Components from elsewhere, a version or another's strategy, as this strategy can hold
-- them: without the reference where the indicator is gone, hidden from the owner, or takes
-- other parameters now. The name stays, and nothing of it makes a restore or a fork fail.
-- The indicators that remain are locked against a delete until the transaction ends; one that
-- is being deleted counts as gone, for the reason that stands at check_component().
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
      -- What this strategy holds in this place already, it may keep.
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

comment on function private.adopt_components(uuid, uuid, jsonb) is
  'Components of a version or of another strategy, without the references that this owner cannot use.';

revoke all on function private.adopt_components from public, anon, authenticated, service_role;

-- Locks a strategy of this owner and tells what it is at. Components that are about to be
-- replaced come first: a client that changes one holds it before it asks for the strategy.
create function private.lock_strategy(
  strategy_id uuid,
  owner_id uuid,
  with_components boolean,
  out current_version integer,
  out is_ai_generated boolean
)
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  if lock_strategy.with_components then
    perform
    from public.strategy_components as c
    where c.strategy_id = lock_strategy.strategy_id
      and c.user_id = lock_strategy.owner_id
    order by c.id
    for no key update;
  end if;

  select s.current_version, s.is_ai_generated
  into current_version, is_ai_generated
  from public.strategies as s
  where s.id = lock_strategy.strategy_id
    and s.user_id = lock_strategy.owner_id
  for no key update;

  if not found then
    perform private.raise_error(
      'strategy_not_found', 'No such strategy of yours: check its id.',
      jsonb_build_object('strategy_id', lock_strategy.strategy_id)
    );
  end if;
end;
$$;

comment on function private.lock_strategy(uuid, uuid, boolean) is
  'Locks a strategy against other writers and tells what it is at; raises strategy_not_found.';

revoke all on function private.lock_strategy from public, anon, authenticated, service_role;

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
begin
  perform private.check_strategy_arguments(
    save_strategy.name,
    save_strategy.description,
    save_strategy.market_type,
    save_strategy.timeframe,
    v_config,
    save_strategy.notes
  );

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
      'invalid_argument', 'Leave out is_ai_generated: it is said once, when a strategy is created.',
      '{"argument": "is_ai_generated"}'
    );
  end if;

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
      -- Whoever saves components alone does not write the strategy's row twice.
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

  perform private.settle_strategy(v_strategy_id, save_strategy.notes);
  return private.complete_strategy_document(v_strategy_id);
end;
$$;

comment on function private.save_strategy(text, jsonb, jsonb, uuid, text, text, text, boolean, boolean, text, integer) is
  'Creates or updates a strategy of the caller''s with its components, all or nothing.';

revoke all on function private.save_strategy from public, anon, authenticated, service_role;
grant execute on function private.save_strategy to authenticated;

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

revoke all on function public.save_strategy from public, anon, authenticated, service_role;
grant execute on function public.save_strategy to authenticated;

create function private.get_strategy(strategy_id uuid)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  if not exists (
    select
    from public.strategies as s
    where s.id = get_strategy.strategy_id
      and (s.is_public or s.user_id = (select private.reader_id()))
  ) then
    perform private.raise_error(
      'strategy_not_found', 'No such strategy, or it is not published: check its id.',
      jsonb_build_object('strategy_id', get_strategy.strategy_id)
    );
  end if;
  return private.complete_strategy_document(get_strategy.strategy_id);
end;
$$;

comment on function private.get_strategy(uuid) is
  'The document of a strategy that is public or the caller''s own.';

revoke all on function private.get_strategy from public, anon, authenticated, service_role;
grant execute on function private.get_strategy to anon, authenticated, service_role;

create function public.get_strategy(strategy_id uuid)
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.get_strategy(strategy_id);
end;

comment on function public.get_strategy(uuid) is
  'The document of a strategy that is public or the caller''s own, with defaults for the parameters that are left out.';

revoke all on function public.get_strategy from public, anon, authenticated, service_role;
grant execute on function public.get_strategy to anon, authenticated, service_role;

-- Restoring writes the old content over the present one, which makes a version as any
-- change does. Whether it is public and made by a model is no content to go back to.
create function private.restore_strategy_version(strategy_id uuid, version_number integer, notes text default null)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.caller_account();
  v_strategy_id uuid := restore_strategy_version.strategy_id;
  v_document jsonb;
begin
  if restore_strategy_version.version_number is null then
    perform private.raise_error('invalid_argument', 'Say which version to restore.', '{"argument": "version_number"}');
  end if;
  perform private.check_strategy_arguments(null, null, null, null, null, restore_strategy_version.notes);

  perform private.lock_strategy(v_strategy_id, v_user_id, true);

  select v.config
  into v_document
  from public.strategy_versions as v
  where v.strategy_id = v_strategy_id
    and v.version_number = restore_strategy_version.version_number;

  if v_document is null then
    perform private.raise_error(
      'strategy_version_not_found', 'The strategy has no such version, or no longer: choose one from its history.',
      jsonb_build_object('strategy_id', v_strategy_id, 'version_number', restore_strategy_version.version_number)
    );
  end if;

  -- A version by an older release may know less than there is today.
  v_document := private.strategy_document(v_strategy_id) || v_document;

  update public.strategies as s
  set name = v_document ->> 'name',
      description = v_document ->> 'description',
      market_type = v_document ->> 'market_type',
      timeframe = v_document ->> 'timeframe',
      config = v_document -> 'config'
  where s.id = v_strategy_id
    and (
      (s.name, s.config) <> (v_document ->> 'name', v_document -> 'config')
      or (s.description, s.market_type, s.timeframe)
        is distinct from (v_document ->> 'description', v_document ->> 'market_type', v_document ->> 'timeframe')
    );

  perform private.replace_components(
    v_strategy_id,
    v_user_id,
    private.adopt_components(v_strategy_id, v_user_id, v_document -> 'components')
  );

  perform private.settle_strategy(v_strategy_id, restore_strategy_version.notes);
  return private.complete_strategy_document(v_strategy_id);
end;
$$;

comment on function private.restore_strategy_version(uuid, integer, text) is
  'Makes a strategy of the caller''s what it was in one of its versions.';

revoke all on function private.restore_strategy_version from public, anon, authenticated, service_role;
grant execute on function private.restore_strategy_version to authenticated;

create function public.restore_strategy_version(strategy_id uuid, version_number integer, notes text default null)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.restore_strategy_version(strategy_id, version_number, notes);
end;

comment on function public.restore_strategy_version(uuid, integer, text) is
  'Makes a strategy of the caller''s what it was in one of its versions, as a new version, and answers its document.';

revoke all on function public.restore_strategy_version from public, anon, authenticated, service_role;
grant execute on function public.restore_strategy_version to authenticated;

create function private.fork_strategy(strategy_id uuid, name text default null)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.caller_account();
  v_document jsonb;
  v_fork_id uuid;
begin
  perform private.check_strategy_arguments(fork_strategy.name, null, null, null, null, null);

  -- The caller's row first, as everywhere; then the source, which must not be deleted
  -- before the fork that refers to it is committed.
  perform
  from public.users as u
  where u.id = v_user_id
  for no key update;

  perform
  from public.strategies as s
  where s.id = fork_strategy.strategy_id
    and (s.is_public or s.user_id = v_user_id)
  for key share;

  v_document := private.get_strategy(fork_strategy.strategy_id);

  insert into public.strategies as s
    (user_id, forked_from, name, description, market_type, timeframe, is_ai_generated, config)
  values (
    v_user_id,
    fork_strategy.strategy_id,
    coalesce(fork_strategy.name, v_document ->> 'name'),
    v_document ->> 'description',
    v_document ->> 'market_type',
    v_document ->> 'timeframe',
    (v_document -> 'is_ai_generated')::boolean,
    v_document -> 'config'
  )
  returning s.id into v_fork_id;

  -- With the defaults written out: the fork means what its reader saw, also where it keeps
  -- no more than an indicator's name.
  perform private.replace_components(
    v_fork_id,
    v_user_id,
    private.adopt_components(v_fork_id, v_user_id, v_document -> 'components')
  );

  perform private.settle_strategy(v_fork_id);
  return private.complete_strategy_document(v_fork_id);
end;
$$;

comment on function private.fork_strategy(uuid, text) is
  'Copies a strategy that the caller may see into a private one of their own.';

revoke all on function private.fork_strategy from public, anon, authenticated, service_role;
grant execute on function private.fork_strategy to authenticated;

create function public.fork_strategy(strategy_id uuid, name text default null)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.fork_strategy(strategy_id, name);
end;

comment on function public.fork_strategy(uuid, text) is
  'Copies a strategy that the caller may see into a private one of their own, and answers its document.';

revoke all on function public.fork_strategy from public, anon, authenticated, service_role;
grant execute on function public.fork_strategy to authenticated;

-- A cursor is a place in the public page: created_at in microseconds and the id, 24 bytes,
-- which are 32 characters of base64url without padding. It says nothing that the row does
-- not, and needs no secret.
create function private.page_cursor(created_at timestamptz, id uuid)
returns text
language sql
immutable
security invoker
set search_path = ''
return translate(
  encode(int8send((extract(epoch from page_cursor.created_at) * 1000000)::bigint) || uuid_send(page_cursor.id), 'base64'),
  '+/',
  '-_'
);

comment on function private.page_cursor(timestamptz, uuid) is
  'The cursor of a row on the public page.';

revoke all on function private.page_cursor from public, anon, authenticated, service_role;

-- Public strategies, newest first. Each page starts after the last row of the one before,
-- so rows that appear meanwhile neither repeat nor hide another. Every table is asked by its
-- keys, and the planner may not read a whole one instead.
create function private.list_public_strategies(
  search text default null,
  market_type text default null,
  timeframe text default null,
  page_size integer default null,
  cursor text default null
)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_page_size integer := coalesce(list_public_strategies.page_size, 20);
  v_query tsquery;
  v_bytes bytea;
  v_microseconds bigint;
  v_after_time timestamptz := 'infinity';
  v_after_id uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  v_page jsonb;
begin
  if v_page_size not between 1 and 100 then
    perform private.raise_error(
      'invalid_argument', 'Let page_size be between 1 and 100.',
      '{"argument": "page_size", "minimum": 1, "maximum": 100}'
    );
  end if;
  -- Parsed only now: its length is known.
  v_query := private.search_query(list_public_strategies.search);
  perform private.check_strategy_arguments(
    null, null, list_public_strategies.market_type, list_public_strategies.timeframe, null, null
  );

  if list_public_strategies.cursor is not null then
    if list_public_strategies.cursor ~ '^[A-Za-z0-9_-]{32}$' then
      v_bytes := decode(translate(list_public_strategies.cursor, '-_', '+/'), 'base64');
      v_microseconds := ('x' || encode(substr(v_bytes, 1, 8), 'hex'))::bit(64)::bigint;
    end if;

    -- From 2000 to 2200: far more than there is, and no more than a timestamp holds.
    if coalesce(v_microseconds, 0) not between 946684800000000 and 7258118400000000 then
      perform private.raise_error(
        'invalid_argument', 'Let cursor be the next_cursor of an earlier page, or leave it out.',
        '{"argument": "cursor"}'
      );
    end if;
    v_after_time := timestamptz '1970-01-01 00:00:00+00' + v_microseconds * interval '1 microsecond';
    v_after_id := encode(substr(v_bytes, 9), 'hex')::uuid;
  end if;

  select jsonb_build_object(
    'items', coalesce(jsonb_agg(p.item order by p.place) filter (where p.place <= v_page_size), '[]'),
    'next_cursor', max(p.cursor) filter (where p.place = v_page_size and p.has_next)
  )
  into v_page
  from (
    select
      jsonb_build_object(
        'strategy_id', f.id,
        'name', f.name,
        'description', f.description,
        'market_type', f.market_type,
        'timeframe', f.timeframe,
        'is_public', f.is_public,
        'is_ai_generated', f.is_ai_generated,
        'version_number', f.current_version,
        'created_at', f.created_at,
        'updated_at', f.updated_at,
        'author', (select u.public_name from public.users as u where u.id = f.user_id),
        'forked_from', (select source.id from public.strategies as source where source.id = f.forked_from),
        'fork_count', coalesce((select k.forks from private.strategy_forks as k where k.strategy_id = f.id), 0)
      ) as item,
      private.page_cursor(f.created_at, f.id) as cursor,
      found.place,
      lead(true, 1, false) over (order by found.place) as has_next
    from unnest(
      private.find_public_strategies(
        v_query,
        list_public_strategies.market_type,
        list_public_strategies.timeframe,
        v_after_time,
        v_after_id,
        v_page_size + 1
      )
    ) with ordinality as found (id, place)
    join public.strategies as f on f.id = found.id
  ) as p;

  return v_page;
end;
$$;

comment on function private.list_public_strategies(text, text, text, integer, text) is
  'A page of public strategies, newest first, with the cursor of the next.';

revoke all on function private.list_public_strategies from public, anon, authenticated, service_role;
grant execute on function private.list_public_strategies to anon, authenticated, service_role;

create function public.list_public_strategies(
  search text default null,
  market_type text default null,
  timeframe text default null,
  page_size integer default null,
  cursor text default null
)
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.list_public_strategies(search, market_type, timeframe, page_size, cursor);
end;

comment on function public.list_public_strategies(text, text, text, integer, text) is
  'Public strategies, newest first: {items, next_cursor}. Items are documents without config and components, with fork_count.';

revoke all on function public.list_public_strategies from public, anon, authenticated, service_role;
grant execute on function public.list_public_strategies to anon, authenticated, service_role;
