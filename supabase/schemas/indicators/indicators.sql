-- The library of indicators. Its rows come from migrations and from service_role; users read them.
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
  -- Twice the size of values: a schema also names each parameter, its title and its bounds.
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
  'Usual parameter values, which fit the schema and replace what a component leaves out.';
comment on column public.indicators.created_by is 'The user who contributed it; null for the library''s own.';
comment on column public.indicators.accuracy_rating is '0.00 to 5.00.';

-- Read by private.refuse_argument().
comment on constraint indicators_type_known on public.indicators is 'type: type must be one of %s.';

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

-- Refuses a parameter schema with keywords that nothing checks, and defaults that do not fit their schema. A value
-- that is not an object is left to the table's own checks, which run later.
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

create trigger indicators_validate_parameters
  before insert or update of parameters, defaults on public.indicators
  for each row
  when (
    jsonb_typeof(new.parameters) = 'object'
    and jsonb_typeof(new.defaults) = 'object'
  )
  execute function private.check_indicator_parameters();

revoke all on public.indicators from public, anon, authenticated, service_role;
grant select on public.indicators to anon, authenticated;
grant select, insert, update, delete on public.indicators to service_role;
revoke all on function private.check_indicator_parameters from public, anon, authenticated, service_role;
