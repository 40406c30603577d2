-- Indicators: the library that everybody composes from, and the indicators that users
-- write themselves.
--
-- What an indicator can be told is described by a JSON Schema, of which this much is
-- understood, with its usual meaning:
--
--   {"type": "object", "properties": {…}, "required": […], "additionalProperties": false}
--
-- and in each property `type` (integer, number, boolean, string), `minimum`, `maximum`,
-- `multipleOf`, `enum`, `default`, `title` and `description`. A schema that says anything
-- else is refused when it is written: a bound that nobody checks is worse than none. The
-- empty schema {} declares nothing and so accepts any object.
--
-- The four functions below know this and nothing else does. A fault is a JSON object of
-- facts for an error's hint, {"parameter": "length", "maximum": 500}; null means none.

-- What a value breaks in the description of its parameter.
create function private.parameter_value_fault(property jsonb, value jsonb)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_type text := parameter_value_fault.property ->> 'type';
  v_number numeric;
begin
  if jsonb_typeof(parameter_value_fault.value) <> (case v_type when 'integer' then 'number' else v_type end) then
    return jsonb_build_object('type', v_type);
  end if;

  if v_type in ('integer', 'number') then
    v_number := parameter_value_fault.value::numeric;
    -- 14.0 is an integer, as in JSON Schema.
    if v_type = 'integer' and v_number <> trunc(v_number) then
      return jsonb_build_object('type', v_type);
    elsif v_number < (parameter_value_fault.property ->> 'minimum')::numeric then
      return jsonb_build_object('minimum', parameter_value_fault.property -> 'minimum');
    elsif v_number > (parameter_value_fault.property ->> 'maximum')::numeric then
      return jsonb_build_object('maximum', parameter_value_fault.property -> 'maximum');
    elsif mod(v_number, (parameter_value_fault.property ->> 'multipleOf')::numeric) <> 0 then
      return jsonb_build_object('multipleOf', parameter_value_fault.property -> 'multipleOf');
    end if;
  end if;

  if parameter_value_fault.property ? 'enum'
    and not parameter_value_fault.property -> 'enum' @> jsonb_build_array(parameter_value_fault.value)
  then
    return jsonb_build_object('enum', parameter_value_fault.property -> 'enum');
  end if;
  return null;
end;
$$;

comment on function private.parameter_value_fault(jsonb, jsonb) is
  'What a value breaks in the schema of one parameter, as {keyword: bound}; null for nothing.';

revoke all on function private.parameter_value_fault from public, anon, authenticated, service_role;

-- What a schema's own text breaks: {"parameter": …, "keyword": …}, or without a parameter
-- where the schema as a whole is wrong.
create function private.parameter_schema_fault(parameter_schema jsonb)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_name text;
  v_property jsonb;
  v_bare jsonb;
  v_keyword text;
  v_value jsonb;
  v_is_number boolean;
  v_is_sound boolean;
begin
  if parameter_schema_fault.parameter_schema = '{}' then
    return null;
  end if;

  for v_keyword, v_value in
    select e.key, e.value
    -- A type that is missing comes by as null, and is refused like a wrong one.
    from jsonb_each(
      parameter_schema_fault.parameter_schema
        || jsonb_build_object('type', parameter_schema_fault.parameter_schema -> 'type')
    ) as e
  loop
    v_is_sound := case v_keyword
      when 'type' then v_value = '"object"'
      when 'properties' then jsonb_typeof(v_value) = 'object'
      when 'additionalProperties' then v_value = 'false'
      when 'required' then jsonb_typeof(v_value) = 'array'
      when 'title' then jsonb_typeof(v_value) = 'string'
      when 'description' then jsonb_typeof(v_value) = 'string'
    end;
    if v_is_sound is not true then
      return jsonb_build_object('keyword', v_keyword);
    end if;
  end loop;

  -- What is required must be described, and be said once.
  if exists (
    select
    from jsonb_array_elements(parameter_schema_fault.parameter_schema -> 'required') as r (name)
    group by r.name
    having count(*) > 1
      or jsonb_typeof(r.name) <> 'string'
      or (parameter_schema_fault.parameter_schema -> 'properties' ? (r.name #>> '{}')) is not true
  ) then
    return jsonb_build_object('keyword', 'required');
  end if;

  for v_name, v_property in
    select p.key, p.value
    from jsonb_each(parameter_schema_fault.parameter_schema -> 'properties') as p
  loop
    if coalesce(v_property ->> 'type', '') not in ('integer', 'number', 'boolean', 'string') then
      return jsonb_build_object('parameter', v_name, 'keyword', 'type');
    end if;
    v_is_number := v_property ->> 'type' in ('integer', 'number');
    -- Each option is checked against everything but the options: that it is one of them needs no search.
    v_bare := v_property - 'enum';

    for v_keyword, v_value in
      select k.key, k.value
      from jsonb_each(v_property) as k
    loop
      v_is_sound := case v_keyword
        when 'type' then jsonb_typeof(v_value) = 'string'
        when 'title' then jsonb_typeof(v_value) = 'string'
        when 'description' then jsonb_typeof(v_value) = 'string'
        when 'minimum' then v_is_number and jsonb_typeof(v_value) = 'number'
        when 'maximum' then v_is_number and jsonb_typeof(v_value) = 'number'
        when 'multipleOf' then v_is_number and jsonb_typeof(v_value) = 'number'
        when 'enum' then jsonb_typeof(v_value) = 'array'
        when 'default' then true
      end;
      if v_is_sound is not true then
        return jsonb_build_object('parameter', v_name, 'keyword', v_keyword);
      end if;
    end loop;

    if (v_property ->> 'multipleOf')::numeric <= 0 then
      return jsonb_build_object('parameter', v_name, 'keyword', 'multipleOf');
    elsif (v_property ->> 'minimum')::numeric > (v_property ->> 'maximum')::numeric then
      return jsonb_build_object('parameter', v_name, 'keyword', 'minimum');
    elsif v_property ? 'enum' and (
      v_property -> 'enum' = '[]'
      or exists (
        select
        from jsonb_array_elements(v_property -> 'enum') as o (option)
        group by o.option
        having count(*) > 1
          or private.parameter_value_fault(v_bare, o.option) is not null
      )
    ) then
      return jsonb_build_object('parameter', v_name, 'keyword', 'enum');
    elsif v_property ? 'default'
      and private.parameter_value_fault(v_property, v_property -> 'default') is not null
    then
      return jsonb_build_object('parameter', v_name, 'keyword', 'default');
    end if;
  end loop;

  return null;
end;
$$;

comment on function private.parameter_schema_fault(jsonb) is
  'What is wrong with a parameter schema, as {parameter, keyword}; null for nothing.';

revoke all on function private.parameter_schema_fault from public, anon, authenticated, service_role;

-- The values that a schema gives to what is left out.
create function private.parameter_defaults(parameter_schema jsonb)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return coalesce(
    (
      select jsonb_object_agg(p.key, p.value -> 'default')
      from jsonb_each(parameter_defaults.parameter_schema -> 'properties') as p
      where p.value ? 'default'
    ),
    '{}'
  );
end;
$$;

comment on function private.parameter_defaults(jsonb) is
  'The defaults that a parameter schema declares, as an object.';

revoke all on function private.parameter_defaults from public, anon, authenticated, service_role;

-- The one check of parameter values: what an indicator's defaults and a component's
-- parameters must fit. `fallbacks` holds what fills in for a parameter that is left out,
-- on top of the schema's own defaults; null means that nothing is missed, because a set of
-- defaults may leave the choice of a required parameter to the user.
create function private.parameters_fault(parameter_schema jsonb, parameters jsonb, fallbacks jsonb)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_name text;
  v_value jsonb;
  v_property jsonb;
  v_fault jsonb;
begin
  for v_name, v_value in
    select p.key, p.value
    from jsonb_each(parameters_fault.parameters) as p
  loop
    v_property := parameters_fault.parameter_schema -> 'properties' -> v_name;
    if v_property is not null then
      v_fault := private.parameter_value_fault(v_property, v_value);
    elsif parameters_fault.parameter_schema ? 'additionalProperties' then
      v_fault := '{"additionalProperties": false}';
    end if;
    if v_fault is not null then
      return jsonb_build_object('parameter', v_name) || v_fault;
    end if;
  end loop;

  select r.name
  into v_name
  from jsonb_array_elements_text(parameters_fault.parameter_schema -> 'required') as r (name)
  where not parameters_fault.parameters ? r.name
    and not parameters_fault.fallbacks ? r.name
    and not parameters_fault.parameter_schema -> 'properties' -> r.name ? 'default'
  limit 1;

  if v_name is not null then
    return jsonb_build_object('parameter', v_name, 'required', true);
  end if;
  return null;
end;
$$;

comment on function private.parameters_fault(jsonb, jsonb, jsonb) is
  'What a set of parameters breaks in a schema, as {parameter, keyword: bound}; null for nothing.';

revoke all on function private.parameters_fault from public, anon, authenticated, service_role;

-- Raises the faults that the functions above find.
create function private.refuse_parameters(fault jsonb, of_what text)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_parameter text := refuse_parameters.fault ->> 'parameter';
  v_keyword text;
  v_bound jsonb;
begin
  select f.key, f.value
  into v_keyword, v_bound
  from jsonb_each(refuse_parameters.fault) as f
  where f.key <> 'parameter';

  perform private.raise_error(
    'invalid_parameters',
    case v_keyword
      when 'keyword' then format(
        'Correct %s in the parameter schema of %s%s.',
        v_bound #>> '{}', refuse_parameters.of_what, coalesce(format(', parameter "%s"', v_parameter), '')
      )
      when 'additionalProperties' then format('Leave out "%s": %s has no such parameter.', v_parameter, refuse_parameters.of_what)
      when 'required' then format('Give "%s": %s needs it.', v_parameter, refuse_parameters.of_what)
      when 'minimum' then format('Let "%s" of %s be at least %s.', v_parameter, refuse_parameters.of_what, v_bound)
      when 'maximum' then format('Let "%s" of %s be at most %s.', v_parameter, refuse_parameters.of_what, v_bound)
      when 'multipleOf' then format('Let "%s" of %s be a multiple of %s.', v_parameter, refuse_parameters.of_what, v_bound)
      when 'enum' then format('Let "%s" of %s be one of %s.', v_parameter, refuse_parameters.of_what, v_bound)
      else format('Let "%s" of %s be of type %s.', v_parameter, refuse_parameters.of_what, v_bound #>> '{}')
    end,
    refuse_parameters.fault
  );
end;
$$;

comment on function private.refuse_parameters(jsonb, text) is
  'Raises invalid_parameters for a fault, naming the parameter and the bound.';

revoke all on function private.refuse_parameters from public, anon, authenticated, service_role;

-- The words of a text for a search, by weight: the title first, then where it belongs, then
-- the text. Each twice: as written, so that the beginning of a word finds it, and by its
-- stem, so that "averages" finds an average. Anything but letters and digits is a space, or
-- the parser takes "a/b" for a file's name. It stands in an index, so whoever writes an
-- indicator needs the right to call it.
create function private.search_words(title text, keywords text, body text)
returns tsvector
language sql
immutable
parallel safe
security invoker
set search_path = ''
return
  setweight(to_tsvector('simple', regexp_replace(coalesce(search_words.title, ''), '[^[:alnum:]]+', ' ', 'g')), 'A')
  || setweight(to_tsvector('english', regexp_replace(coalesce(search_words.title, ''), '[^[:alnum:]]+', ' ', 'g')), 'A')
  || setweight(to_tsvector('simple', regexp_replace(coalesce(search_words.keywords, ''), '[^[:alnum:]]+', ' ', 'g')), 'B')
  || setweight(to_tsvector('english', regexp_replace(coalesce(search_words.body, ''), '[^[:alnum:]]+', ' ', 'g')), 'C')
  || setweight(to_tsvector('simple', regexp_replace(coalesce(search_words.body, ''), '[^[:alnum:]]+', ' ', 'g')), 'D');

comment on function private.search_words(text, text, text) is
  'The words of a title, its keywords and its text as a weighted tsvector, as written and by their stems.';

revoke all on function private.search_words from public, anon, authenticated, service_role;
grant execute on function private.search_words to service_role;

-- What somebody typed, as a query: every word must be found, as the beginning of a word
-- or by its stem. Null where nothing was typed that could be looked for. The length is
-- checked before anything is parsed, because parsing 200 KB takes seconds.
create function private.search_query(search text)
returns tsquery
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_words text;
begin
  if char_length(search_query.search) > 200 then
    perform private.raise_error(
      'invalid_argument', 'Search for at most 200 characters.', '{"argument": "search", "maximum": 200}'
    );
  end if;

  select string_agg(t.word || ':*', ' & ')
  into v_words
  from regexp_split_to_table(lower(search_query.search), '[^[:alnum:]]+') as t (word)
  where t.word <> '';

  return to_tsquery('simple', v_words) || to_tsquery('english', v_words);
end;
$$;

comment on function private.search_query(text) is
  'Turns typed words into a full-text query that matches beginnings of words and stems; raises invalid_argument beyond 200 characters.';

revoke all on function private.search_query from public, anon, authenticated, service_role;

-- The library. Rows come from migrations and from service_role; users read them.
create table public.indicators (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  description text,
  category text not null,
  type text not null,
  parameters jsonb not null default '{}',
  defaults jsonb not null default '{}',
  created_at timestamptz not null default now(),
  created_by uuid references public.users (id) on delete set null,
  is_custom boolean not null default false,
  is_public boolean not null default true,
  accuracy_rating numeric(3, 2),
  constraint indicators_name_length check (char_length(name) <= 200 and name ~ '\S'),
  constraint indicators_description_length check (char_length(description) <= 4000),
  constraint indicators_category_length check (char_length(category) <= 200 and category ~ '\S'),
  constraint indicators_type_known check (type in ('trend', 'entry', 'exit', 'stop_loss')),
  constraint indicators_parameters_is_an_object check (jsonb_typeof(parameters) = 'object'),
  -- Twice what values may take: a schema names each parameter, its title and its bounds.
  constraint indicators_parameters_size check (octet_length(parameters::text) <= 16384),
  constraint indicators_defaults_is_an_object check (jsonb_typeof(defaults) = 'object'),
  constraint indicators_defaults_size check (octet_length(defaults::text) <= 8192),
  constraint indicators_accuracy_rating_range check (accuracy_rating between 0 and 5)
);

create unique index indicators_name_key on public.indicators (lower(name));
create index idx_indicators_type_category on public.indicators (type, category);
create index indicators_created_by_idx on public.indicators (created_by);

create index indicators_search_idx on public.indicators
  using gin (private.search_words(name, category || ' ' || type, description));

comment on table public.indicators is 'The library of technical indicators. Read by all, written by service_role.';
comment on column public.indicators.name is 'Unique without regard to case.';
comment on column public.indicators.type is 'Where it fits in a strategy: trend, entry, exit or stop_loss.';
comment on column public.indicators.parameters is
  'JSON Schema of the parameters, an object of at most 16 KiB; {} declares none and accepts anything.';
comment on column public.indicators.defaults is
  'Customary parameter values, fitting the schema; they fill in what a component leaves out.';
comment on column public.indicators.created_by is 'Who contributed it; null for the library''s own.';
comment on column public.indicators.accuracy_rating is '0.00 to 5.00.';

alter table public.indicators enable row level security;

create policy "visitors read public indicators"
  on public.indicators
  for select
  to anon
  using (is_public);

create policy "users read public indicators and their own"
  on public.indicators
  for select
  to authenticated
  using (is_public or created_by = (select private.reader_id()));

revoke all on public.indicators from public, anon, authenticated, service_role;
grant select on public.indicators to anon, authenticated;
grant select, insert, update, delete on public.indicators to service_role;

-- Schemas are held to what is understood, and defaults to their schema. What is no object is
-- left to the table's own checks, which come after.
create function private.check_indicator_parameters()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_fault jsonb;
begin
  perform private.check_json(new.parameters, 16384, 'parameters', tg_table_name || '_parameters_size');
  if tg_table_name = 'indicators' then
    perform private.check_json(new.defaults, 8192, 'defaults', 'indicators_defaults_size');
  end if;

  v_fault := private.parameter_schema_fault(new.parameters);
  if tg_table_name = 'indicators' and v_fault is null then
    v_fault := private.parameters_fault(new.parameters, new.defaults, null);
  end if;

  if v_fault is not null then
    perform private.refuse_parameters(v_fault, new.name);
  end if;
  return new;
end;
$$;

comment on function private.check_indicator_parameters() is
  'Trigger function: refuses a parameter schema that is not understood, and defaults that do not fit it.';

revoke all on function private.check_indicator_parameters from public, anon, authenticated, service_role;

create trigger indicators_validate_parameters
  before insert or update of parameters, defaults on public.indicators
  for each row
  when (
    jsonb_typeof(new.parameters) = 'object'
    and jsonb_typeof(new.defaults) = 'object'
  )
  execute function private.check_indicator_parameters();

-- Custom indicators: Pine Script that users write themselves, a premium feature.
create table public.custom_indicators (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.users (id) on delete cascade,
  name text not null,
  description text,
  category text not null,
  type text not null,
  parameters jsonb not null default '{}',
  pine_script text not null,
  is_public boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint custom_indicators_name_length check (char_length(name) <= 200 and name ~ '\S'),
  constraint custom_indicators_description_length check (char_length(description) <= 4000),
  constraint custom_indicators_category_length check (char_length(category) <= 200 and category ~ '\S'),
  constraint custom_indicators_type_known check (type in ('trend', 'entry', 'exit', 'stop_loss')),
  constraint custom_indicators_parameters_is_an_object check (jsonb_typeof(parameters) = 'object'),
  constraint custom_indicators_parameters_size check (octet_length(parameters::text) <= 16384),
  constraint custom_indicators_pine_script_not_blank check (pine_script ~ '\S'),
  -- Far above any script that people write by hand, and small enough to read in one piece.
  constraint custom_indicators_pine_script_size check (octet_length(pine_script) <= 102400)
);

-- Leads with user_id, so it is the foreign key's index too.
create unique index custom_indicators_user_id_name_key on public.custom_indicators (user_id, lower(name));

comment on table public.custom_indicators is
  'Indicators written by users. Inserting and updating need a premium plan; reading and deleting never do.';
comment on column public.custom_indicators.name is 'Unique among its owner''s, without regard to case.';
comment on column public.custom_indicators.type is 'Where it fits in a strategy: trend, entry, exit or stop_loss.';
comment on column public.custom_indicators.parameters is
  'JSON Schema of the parameters, an object of at most 16 KiB; {} declares none and accepts anything.';
comment on column public.custom_indicators.pine_script is 'The source, at most 100 KiB.';
comment on column public.custom_indicators.is_public is 'Whether everybody may read and use it, source included.';

alter table public.custom_indicators enable row level security;

create policy "visitors read public custom indicators"
  on public.custom_indicators
  for select
  to anon
  using (is_public);

create policy "users read public custom indicators and their own"
  on public.custom_indicators
  for select
  to authenticated
  using (is_public or user_id = (select private.reader_id()));

create policy "users create custom indicators of their own"
  on public.custom_indicators
  for insert
  to authenticated
  with check (user_id = (select auth.uid()));

create policy "users change their own custom indicators"
  on public.custom_indicators
  for update
  to authenticated
  using (user_id = (select auth.uid()))
  with check (user_id = (select auth.uid()));

create policy "users delete their own custom indicators"
  on public.custom_indicators
  for delete
  to authenticated
  using (user_id = (select auth.uid()));

create policy "OAuth clients that are not trusted add nothing"
  on public.custom_indicators
  as restrictive
  for insert
  to authenticated
  with check ((select private.session_is_trusted()));

create policy "OAuth clients that are not trusted change nothing"
  on public.custom_indicators
  as restrictive
  for update
  to authenticated
  using ((select private.session_is_trusted()));

create policy "OAuth clients that are not trusted delete nothing"
  on public.custom_indicators
  as restrictive
  for delete
  to authenticated
  using ((select private.session_is_trusted()));

revoke all on public.custom_indicators from public, anon, authenticated, service_role;
grant select on public.custom_indicators to anon, authenticated;
grant
  insert (user_id, name, description, category, type, parameters, pine_script, is_public),
  update (name, description, category, type, parameters, pine_script, is_public),
  delete
  on public.custom_indicators
  to authenticated;
grant select, insert, update, delete on public.custom_indicators to service_role;

-- A rule of the plan binds every request of a user, by whatever path it comes;
-- service_role and migrations act for the operator and are not bound. Triggers run before
-- policies, so this looks nothing up for a row that is not the caller's.
create function private.require_premium()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_caller uuid := private.reader_id();
  v_hidden public.custom_indicators;
begin
  -- Who no longer pays may still hide what they published, and change nothing else with it.
  if tg_op = 'UPDATE' and old.is_public and not new.is_public then
    v_hidden := old;
    v_hidden.is_public := false;
    if v_hidden is not distinct from new then
      return new;
    end if;
  end if;

  -- Another's row is refused by the policies, which speak after this.
  if new.user_id = v_caller and not private.is_premium(v_caller) then
    perform private.raise_error(
      'premium_required',
      'Custom indicators need a premium plan: upgrade to create or change one.'
    );
  end if;
  return new;
end;
$$;

comment on function private.require_premium() is
  'Trigger function: refuses a write by a user who is not premium now, but for hiding what they published.';

revoke all on function private.require_premium from public, anon, authenticated, service_role;

create trigger custom_indicators_require_premium
  before insert or update on public.custom_indicators
  for each row
  execute function private.require_premium();

create trigger custom_indicators_lock_account
  before insert or update or delete on public.custom_indicators
  for each statement
  execute function private.lock_own_account();

-- After the premium check, which comes first by its name: nobody is told to mend a schema
-- that they may not write.
create trigger custom_indicators_validate_parameters
  before insert or update of parameters on public.custom_indicators
  for each row
  when (jsonb_typeof(new.parameters) = 'object')
  execute function private.check_indicator_parameters();

create trigger custom_indicators_set_updated_at
  before update on public.custom_indicators
  for each row
  when (old.* is distinct from new.*)
  execute function private.set_updated_at();

-- The number of custom indicators that the plan allows. After the rows are in, so that
-- row-level security has spoken first; the user's row is locked while they are counted, so
-- that two requests at once cannot both be the last one.
create function private.limit_custom_indicators()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid;
  v_plan public.plans;
begin
  if (select auth.uid()) is null then
    return null;
  end if;

  for v_user_id in
    select distinct a.user_id
    from added as a
    order by a.user_id
  loop
    perform
    from public.users as u
    where u.id = v_user_id
    for no key update;

    v_plan := private.plan_of(v_user_id);
    if (select count(*) from public.custom_indicators as i where i.user_id = v_user_id) > v_plan.max_custom_indicators then
      perform private.raise_error(
        'plan_limit_reached',
        format('Delete a custom indicator or change the plan: %s allows %s.', v_plan.name, v_plan.max_custom_indicators),
        jsonb_build_object('limit', v_plan.max_custom_indicators, 'plan', v_plan.plan_type)
      );
    end if;
  end loop;
  return null;
end;
$$;

comment on function private.limit_custom_indicators() is
  'Trigger function: holds users to the number of custom indicators that their plan allows.';

revoke all on function private.limit_custom_indicators from public, anon, authenticated, service_role;

create trigger custom_indicators_are_limited
  after insert on public.custom_indicators
  referencing new table as added
  for each statement
  execute function private.limit_custom_indicators();

-- The library by words, type and category, best match first: the very name, then names
-- that begin so, then by rank.
create function private.search_indicators(
  search text default null,
  type text default null,
  category text default null,
  page_size integer default null,
  page integer default null
)
returns setof public.indicators
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.reader_id();
  v_page_size integer := coalesce(search_indicators.page_size, 20);
  v_page integer := coalesce(search_indicators.page, 1);
  v_query tsquery := private.search_query(search_indicators.search);
  v_name text := lower(btrim(search_indicators.search));
begin
  if v_page_size not between 1 and 100 then
    perform private.raise_error(
      'invalid_argument', 'Let page_size be between 1 and 100.',
      '{"argument": "page_size", "minimum": 1, "maximum": 100}'
    );
  elsif v_page < 1 then
    perform private.raise_error(
      'invalid_argument', 'Let page be 1 or more: pages are counted from 1.', '{"argument": "page", "minimum": 1}'
    );
  elsif char_length(search_indicators.category) > 200 then
    perform private.raise_error(
      'invalid_argument', 'Give a category of at most 200 characters.', '{"argument": "category", "maximum": 200}'
    );
  elsif search_indicators.type not in ('trend', 'entry', 'exit', 'stop_loss') then
    perform private.raise_error(
      'invalid_argument', 'Let type be trend, entry, exit or stop_loss.',
      '{"argument": "type", "enum": ["trend", "entry", "exit", "stop_loss"]}'
    );
  end if;

  return query
  select
    i.id, i.name, i.description, i.category, i.type, i.parameters, i.defaults,
    i.created_at, i.created_by, i.is_custom, i.is_public, i.accuracy_rating
  from public.indicators as i
  cross join lateral (
    select private.search_words(i.name, i.category || ' ' || i.type, i.description)
  ) as w (words)
  where (i.is_public or i.created_by = v_user_id)
    and (search_indicators.type is null or i.type = search_indicators.type)
    and (search_indicators.category is null or lower(i.category) = lower(btrim(search_indicators.category)))
    and (v_query is null or w.words @@ v_query)
  order by
    lower(i.name) = v_name desc,
    starts_with(lower(i.name), v_name) desc,
    ts_rank(w.words, v_query) desc,
    lower(i.name),
    i.id
  limit v_page_size
  offset (v_page - 1)::bigint * v_page_size;
end;
$$;

comment on function private.search_indicators(text, text, text, integer, integer) is
  'Searches the library as far as the caller may see it.';

revoke all on function private.search_indicators from public, anon, authenticated, service_role;
grant execute on function private.search_indicators to anon, authenticated, service_role;

create function public.search_indicators(
  search text default null,
  type text default null,
  category text default null,
  page_size integer default null,
  page integer default null
)
returns setof public.indicators
language sql
stable
security invoker
set search_path = ''
begin atomic
  select i from private.search_indicators(search, type, category, page_size, page) as i;
end;

comment on function public.search_indicators(text, text, text, integer, integer) is
  'Indicators by words, type and category, best match first; pages of page_size (1 to 100, 20 by default), from 1.';

revoke all on function public.search_indicators from public, anon, authenticated, service_role;
grant execute on function public.search_indicators to anon, authenticated, service_role;
