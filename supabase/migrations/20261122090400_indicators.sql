-- Indicators: the library that everybody composes from. Rows come from migrations
-- and from service_role; users read them.
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

comment on table public.indicators is 'The library of technical indicators. Read by all, written by service_role.';
comment on column public.indicators.name is 'Unique without regard to case.';
comment on column public.indicators.type is 'Where it fits in a strategy: trend, entry, exit or stop_loss.';
comment on column public.indicators.parameters is 'JSON Schema of the parameters, an object of at most 16 KiB.';
comment on column public.indicators.defaults is 'Customary parameter values.';
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
  using (is_public or created_by = (select auth.uid()));

revoke all on public.indicators from public, anon, authenticated, service_role;
grant select on public.indicators to anon, authenticated;
grant select, insert, update, delete on public.indicators to service_role;

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
comment on column public.custom_indicators.parameters is 'JSON Schema of the parameters, an object of at most 16 KiB.';
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
  using (is_public or user_id = (select auth.uid()));

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

revoke all on public.custom_indicators from public, anon, authenticated, service_role;
grant select on public.custom_indicators to anon, authenticated;
grant
  insert (id, user_id, name, description, category, type, parameters, pine_script, is_public),
  update (name, description, category, type, parameters, pine_script, is_public),
  delete
  on public.custom_indicators
  to authenticated;
grant select, insert, update, delete on public.custom_indicators to service_role;

-- A rule of the plan binds every request of a user, by whatever path it comes;
-- service_role and migrations act for the operator and are not bound.
create function private.require_premium()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_caller uuid := auth.uid();
begin
  if v_caller is not null and not private.is_premium(v_caller) then
    perform private.raise_error(
      'premium_required',
      'Custom indicators need a premium plan: upgrade to create or change one.'
    );
  end if;
  return new;
end;
$$;

comment on function private.require_premium() is
  'Trigger function: refuses a write by a user who is not premium now.';

revoke all on function private.require_premium from public, anon, authenticated, service_role;

create trigger custom_indicators_require_premium
  before insert or update on public.custom_indicators
  for each row
  execute function private.require_premium();

create trigger custom_indicators_set_updated_at
  before update on public.custom_indicators
  for each row
  when (old.* is distinct from new.*)
  execute function private.set_updated_at();
